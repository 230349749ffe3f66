/** Commands that findings about a director advise. */
import { serverOptions, serviceOptions, thresholdOptions } from "../../ipvsadm-options.ts";
import { type Destination, destinationId, type ServiceKey } from "../../model.ts";
import { commandOf, type Finding } from "../finding.ts";

/**
 * The command that changes a server, and leaves all else of it as it is: what an edit does not say takes its default, the method
 * included. The port must be one that the method can have: all but translating ones have the service's.
 */
export function editServer(
  service: ServiceKey,
  server: Destination,
  changes: Partial<Omit<Destination, "family" | "address" | "port">>,
): string {
  const changed = { ...server, ...changes };
  return `ipvsadm -e ${serviceOptions(service)} -r ${destinationId(server)} ${serverOptions(changed)}${thresholdOptions(changed)}`;
}

/** Advice for another host than the one that is looked at: the shell takes the rest of the line for a comment. */
export function atHost(host: string, command: string): string {
  return `${command}    # on ${host}`;
}

/** Findings about one thing told once, with the commands of all. All are advice for this host. */
export function withAllCommands(findings: readonly Finding[]): Finding[] {
  const found = new Map<string, { readonly first: Finding; readonly commands: Set<string> }>();
  for (const finding of findings) {
    const id = `${finding.code} ${finding.where}`;
    const { commands } = found.get(id) ?? { commands: new Set<string>() };
    if (commands.size === 0) found.set(id, { first: finding, commands });
    if (finding.remedy !== null) commands.add(commandOf(finding.remedy));
  }
  return [...found.values()].map(({ first, commands }) => ({
    ...first,
    remedy: { kind: "advice", command: [...commands].join(" && ") },
  }));
}
