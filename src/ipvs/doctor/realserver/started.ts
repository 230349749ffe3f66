import type { HostFacts, StartedAddress } from "../facts.ts";
import type { Finding, Remedy } from "../finding.ts";
import type { RealServerCheck } from "./view.ts";

/** Whether what `lvs realserver start` has set up is still there. What it has in common with any real server, others check. */
export const checkStarted: RealServerCheck = (host) =>
  host.started.flatMap((started) => started.unmet.flatMap((each) => findingOf(started, each, host)));

function findingOf(
  { vip, mode }: StartedAddress,
  { name, found, steps }: StartedAddress["unmet"][number],
  { hints }: HostFacts,
): Finding[] {
  const again: Remedy = { kind: "advice", command: `lvs realserver start --vip ${vip} --mode ${mode}` };
  switch (name) {
    case "address":
      if (hints.virtualAddresses.includes(vip)) return [];
      return [
        {
          code: "vip-missing",
          severity: "error",
          where: vip,
          what: `\`lvs realserver start\` has set the virtual address up, but ${found}.`,
          why: "Packets come addressed to it: the host drops them or sends them on.",
          remedy: again,
        },
      ];
    case "tunnel":
      return [
        {
          code: "tunnel-end",
          severity: "error",
          where: vip,
          what: `The end of its tunnels is not as \`lvs realserver start\` has made it: ${found}.`,
          why: "What the director sends through tunnels is not taken out of them.",
          remedy: again,
        },
      ];
    case "rp_filter":
      return [
        {
          code: "reverse-path-filter",
          severity: "error",
          where: vip,
          what: `${found}.`,
          why: "Packets come by there whose answers leave elsewhere: the kernel takes their senders for forged and drops them.",
          remedy: {
            kind: "sysctl",
            settings: steps.flatMap((step) =>
              step.kind === "sysctl" ? [[step.name, Number(step.to)] as const] : [],
            ),
          },
        },
      ];
    default:
      return [];
  }
}
