/** How a director is made anew with a larger table of connections. */
import { serviceOptions, thresholdOptions } from "../../ipvsadm-options.ts";
import { destinationId } from "../../model.ts";
import { shellWord } from "../../shell-word.ts";
import type { DirectorFacts, HostFacts } from "../facts.ts";

/**
 * A command line for a shell that keeps all that commands can read and set: services, thresholds, rules that give marks, sysctls, timeouts,
 * and where the datapath was taken off. It saves first, and stops at the first command that fails. Connections and counters are lost.
 */
export function remakeCommand(director: DirectorFacts, host: HostFacts, connections: number): string {
  const { sysctls, timeouts } = director.changedSettings;
  const families = ([4, 6] as const).filter((family) => hasRules(director, family));
  // Marks first: what is added to lines finds them by the mark as it is read.
  const edits = [...markEdits(director), ...thresholdEdits(director)];
  const detached = host.links.filter(({ datapath }) => datapath === "forbidden").map(({ name }) => name);
  return [
    `export LVS_CONNECTIONS=${connections}`,
    "ipvsadm -S -n > services",
    ...(edits.length === 0 ? [] : [`sed -i ${edits.join(" ")} services`]),
    ...families.map((family) => `${RULE_COMMANDS[family]}-save -t mangle > rules${family}`),
    "lvs unload",
    "ipvsadm -R < services",
    ...families.map((family) => `${RULE_COMMANDS[family]}-restore < rules${family}`),
    ...(sysctls.length === 0 ? [] : [`lvs sysctl -q ${sysctls.map(setting).join(" ")}`]),
    ...(timeouts === null ? [] : [`ipvsadm --set ${timeouts.tcp} ${timeouts.tcpFin} ${timeouts.udp}`]),
    ...(detached.length === 0 ? [] : [`lvs detach ${detached.map(shellWord).join(" ")}`]),
  ].join(" && ");
}

const RULE_COMMANDS = { 4: "iptables", 6: "ip6tables" } as const;

function hasRules({ ownRules }: DirectorFacts, family: 4 | 6): boolean {
  return ownRules.chains.some(
    (chain) =>
      chain.family === family && (chain.hook === null || chain.policy === "drop" || chain.rules.length > 0),
  );
}

function setting({ name, value }: DirectorFacts["changedSettings"]["sysctls"][number]): string {
  return shellWord(`${name}=${value.replace(/\s+/g, " ")}`);
}

/** Marks are saved as signed numbers, as with the original, and those below 0 are refused when they are read. */
function markEdits({ services }: DirectorFacts): string[] {
  const marks = new Set(services.flatMap(({ service: { key } }) => (key.kind === "mark" ? key.mark : [])));
  return [...marks].filter((mark) => (mark | 0) < 0).map((mark) => `-e 's/ -f ${mark | 0} / -f ${mark} /'`);
}

/** Saved services have no thresholds, as with the original; what is read again takes them. */
function thresholdEdits({ services }: DirectorFacts): string[] {
  return services.flatMap(({ service: { key }, destinations }) =>
    destinations.flatMap(({ destination }) => {
      const options = thresholdOptions(destination);
      if (options === "") return [];
      const line = `-a ${serviceOptions(key)} -r ${destinationId(destination)} `;
      return [`-e '/^${line.replace(/[[\].]/g, "\\$&")}/s/$/${options}/'`];
    }),
  );
}
