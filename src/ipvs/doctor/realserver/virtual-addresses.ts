import { shellWord } from "../../shell-word.ts";
import type { AddressFacts, HostFacts } from "../facts.ts";
import type { Finding } from "../finding.ts";
import { isQuiet, type RealServerCheck, virtualAddresses, wholeLength, wideAddresses } from "./view.ts";

/** Whether virtual addresses are where a real server has them: on loopback, each by itself. */
export const checkAddresses: RealServerCheck = (host) => [
  ...host.hints.virtualAddresses
    .filter((address) => !host.addresses.some((each) => each.address === address))
    .map(missing),
  ...virtualAddresses(host).flatMap((each) => misplaced(each, host)),
  ...wideMasks(host),
];

function missing(address: string): Finding {
  return {
    code: "vip-missing",
    severity: "error",
    where: address,
    what: "The virtual address is none of this host's own.",
    why: "Under direct routing and in tunnels packets come addressed to it: the host drops them or sends them on.",
    remedy: { kind: "advice", command: `lvs realserver start --vip ${address}` },
  };
}

function misplaced({ address, link, length, family }: AddressFacts, host: HostFacts): Finding[] {
  const found = host.links.find(({ name }) => name === link);
  if (found === undefined || isQuiet(found)) return [];
  const asked = family === 4 ? "ARP" : "neighbour solicitations";
  return [
    {
      code: "vip-on-outside",
      severity: "error",
      where: address,
      what: `The virtual address is on ${link}, with the mask /${length}.`,
      why: `The host answers ${asked} for it there, and takes clients away from the director. It belongs on lo, with the mask /${wholeLength(family)}.`,
      remedy: {
        kind: "advice",
        command: `ip addr del ${address}/${length} dev ${shellWord(link)} && ip addr add ${address}/${wholeLength(family)} dev lo`,
      },
    },
  ];
}

function wideMasks(host: HostFacts): Finding[] {
  return wideAddresses(host).map(({ address, length, link, family }) => ({
    code: "vip-mask",
    severity: "error",
    where: address,
    what: `The virtual address is on ${link} with the mask /${length}.`,
    why: `On loopback that makes all of ${address}/${length} the host's own: it answers clients in that network to itself.`,
    remedy: {
      kind: "advice",
      command: `ip addr add ${address}/${wholeLength(family)} dev ${link} && ip addr del ${address}/${length} dev ${link}`,
    },
  }));
}
