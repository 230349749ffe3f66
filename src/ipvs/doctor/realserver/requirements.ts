import { after } from "../../realserver/facts.ts";
import { isVersion6, type Requirement, type Step, shownSysctl, type Wanted } from "../../realserver/model.ts";
import { realServerRequirements } from "../../realserver/requirements.ts";
import type { HostFacts } from "../facts.ts";
import type { Finding, Remedy } from "../finding.ts";
import { type RealServerCheck, wantedAddresses } from "./view.ts";

/** Whether the host has what `lvs realserver start` would see to. Each remedy reckons with those before it. */
export const checkRequirements: RealServerCheck = (host) => {
  const wanted = wantedAddresses(host);
  const findings: Finding[] = [];
  let { facts } = host.realServer;
  for (const each of wanted) {
    for (const requirement of realServerRequirements(facts, each)) {
      if (requirement.met || !requirement.essential) continue;
      const found = findingOf(requirement, each, wanted, host);
      if (found === null || findings.some(({ code, where }) => code === found.code && where === found.where))
        continue;
      findings.push(found);
      for (const step of requirement.steps) if (step.kind === "sysctl") facts = after(facts, step);
    }
  }
  return findings;
};

/** Null: others say it, or it does no harm as the host is now. */
function findingOf(
  { name, found, steps, links }: Requirement,
  { vip, mode }: Wanted,
  all: readonly Wanted[],
  host: HostFacts,
): Finding | null {
  const again: Remedy = { kind: "advice", command: `lvs realserver start --vip ${vip} --mode ${mode}` };
  switch (name) {
    case "loopback":
      return {
        ...{ code: "interface-down", severity: "error", where: "lo", what: `${found}.` },
        why: "Virtual addresses are on it: the host takes nothing for them.",
        remedy: { kind: "advice", command: "ip link set lo up" },
      };
    case "address":
      if (!host.realServer.record.addresses.has(vip) || host.hints.virtualAddresses.includes(vip))
        return null;
      return {
        ...{ code: "vip-missing", severity: "error", where: vip },
        what: `\`lvs realserver start\` has set the virtual address up, but ${found}.`,
        why: "Packets come addressed to it: the host drops them or sends them on.",
        remedy: again,
      };
    case "tunnel":
      return {
        ...{ code: "tunnel-end", severity: "error", where: vip },
        what: `The end of its tunnels is not as \`lvs realserver start\` has made it: ${found}.`,
        why: "What the director sends through tunnels is not taken out of them.",
        remedy: again,
      };
    case "route":
      return null;
  }
  const where = links.filter((link) => host.links.some((each) => each.name === link && each.up)).join(", ");
  if (where === "") return null;
  const version4 = all.filter((each) => !isVersion6(each.vip)).map((each) => each.vip);
  return { ...SYSCTLS[name](version4.join(", ")), where, what: `${found}.`, remedy: sysctlRemedy(steps) };
}

const SYSCTLS: Readonly<
  Record<
    "arp_ignore" | "arp_announce" | "rp_filter",
    (addresses: string) => Pick<Finding, "code" | "severity" | "why">
  >
> = {
  arp_ignore: (addresses) => ({
    ...{ code: "arp-ignore", severity: "error" },
    why: `The host answers ARP for ${addresses}, as the director does: clients and routers that hear it first come here, past the director.`,
  }),
  arp_announce: (addresses) => ({
    ...{ code: "arp-announce", severity: "warning" },
    why: `When the host answers a client, it may ask for the next hop in the name of ${addresses}: that hop then learns that the address is here.`,
  }),
  rp_filter: () => ({
    ...{ code: "reverse-path-filter", severity: "error" },
    why: "Packets come by there whose answers leave elsewhere: the kernel takes their senders for forged and drops them.",
  }),
};

/** What sets the sysctls of steps. */
export function sysctlRemedy(steps: readonly Step[]): Remedy {
  return {
    kind: "sysctl",
    settings: steps.flatMap((step) =>
      step.kind === "sysctl" ? [[shownSysctl(step.name), Number(step.to)] as const] : [],
    ),
  };
}
