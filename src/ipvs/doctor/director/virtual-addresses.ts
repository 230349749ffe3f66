import { shellWord } from "../../shell-word.ts";
import type { AddressFacts, HostFacts } from "../facts.ts";
import type { Finding } from "../finding.ts";
import { atHost } from "./advice.ts";
import { type DirectorCheck, familyOf, findLink, linksOfNetwork, virtualAddresses } from "./view.ts";

/** Whether clients find this host when they ask for the virtual addresses. */
export const checkVirtualAddresses: DirectorCheck = (director, host) =>
  [...virtualAddresses(director)].flatMap(([address, services]) => {
    const where = `${address} (${services.join(", ")})`;
    const assigned = host.addresses.filter((each) => each.address === address);
    return [
      // One that is a duplicate is not used, either.
      ...(director.own.has(address) || assigned.length > 0 ? [] : missing(address, where, host)),
      ...assigned.flatMap((each) => [...mask(each, where), ...duplicate(each, where)]),
      ...silent(address, where, assigned, host),
      ...contested(director.otherOwners.get(address) ?? [], where, host),
    ];
  });

function missing(address: string, where: string, host: HostFacts): Finding[] {
  const [neighbour] = linksOfNetwork(host, address);
  const length = familyOf(address) === 4 ? 32 : 128;
  const link =
    neighbour?.name ?? host.defaultRoutes.find(({ family }) => family === familyOf(address))?.link ?? "IF";
  return [
    {
      code: "vip-missing",
      severity: neighbour === undefined ? "warning" : "error",
      where,
      what: "The virtual address is none of this host's own.",
      why:
        neighbour === undefined
          ? "Packets come here only if somebody routes them here; the host itself does not answer for the address. As it should be on a director in reserve."
          : `Nobody on ${neighbour.name} answers when its network asks for the address, unless another host does. As it should be on a director in reserve.`,
      remedy: { kind: "advice", command: `ip addr add ${address}/${length} dev ${shellWord(link)}` },
    },
  ];
}

/** On loopback, a mask makes the host take all of a network for its own. */
function mask({ link, address, length, family }: AddressFacts, where: string): Finding[] {
  const whole = family === 4 ? 32 : 128;
  if (link !== "lo" || length === whole || address.startsWith("127.")) return [];
  return [
    {
      code: "vip-mask",
      severity: "error",
      where,
      what: `The virtual address is on lo with the mask /${length}.`,
      why: `On loopback that makes all of ${address}/${length} the host's own: servers and clients in it cannot be reached.`,
      remedy: {
        kind: "advice",
        command: `ip addr add ${address}/${whole} dev lo && ip addr del ${address}/${length} dev lo`,
      },
    },
  ];
}

function duplicate({ link, address, length, duplicate: found }: AddressFacts, where: string): Finding[] {
  if (!found) return [];
  const place = `${address}/${length} dev ${shellWord(link)}`;
  return [
    {
      code: "vip-duplicate",
      severity: "error",
      where,
      what: `Duplicate address detection found another host with it on ${link}.`,
      why: "The kernel does not use the address: it does not answer for it.",
      remedy: { kind: "advice", command: `ip addr del ${place} && ip addr add ${place} nodad` },
    },
  ];
}

/** An address that is only on interfaces that nobody asks, in a network whose hosts would ask for it. */
function silent(
  address: string,
  where: string,
  assigned: readonly AddressFacts[],
  host: HostFacts,
): Finding[] {
  if (assigned.length === 0 || assigned.some(({ link }) => findLink(host, link)?.speaksArp)) return [];
  const askers = linksOfNetwork(host, address).filter(({ speaksArp, arpIgnore }) =>
    familyOf(address) === 4 ? speaksArp && arpIgnore !== 0 : speaksArp,
  );
  const [asker] = askers;
  if (asker === undefined) return [];
  const held = assigned.map(({ link }) => link).join(", ");
  const whole = familyOf(address) === 4 ? 32 : 128;
  return [
    {
      code: "vip-not-announced",
      severity: "error",
      where,
      what:
        familyOf(address) === 4
          ? `The virtual address is on ${held}, and arp_ignore of ${asker.name} is ${asker.arpIgnore}.`
          : `The virtual address is on ${held}, for which no neighbour solicitations are answered at ${asker.name}.`,
      why: `That is what a real server needs. On a director nobody on ${asker.name} finds the address.`,
      remedy: { kind: "advice", command: `ip addr add ${address}/${whole} dev ${shellWord(asker.name)}` },
    },
  ];
}

function contested(owners: readonly string[], where: string, host: HostFacts): Finding[] {
  return owners.map((mac) => {
    const known = host.neighbours.filter((each) => each.mac === mac).map(({ address }) => address);
    const name = known.length === 0 ? "" : ` (that of ${known.join(", ")})`;
    return {
      code: "vip-answered-by-other",
      severity: "error",
      where,
      what: `Another host answers ARP for the virtual address: ${mac}${name}.`,
      why: "Clients and routers that hear it first send to that host and not to the director. Mostly it is a real server without arp_ignore, or a second active director.",
      remedy: {
        kind: "advice",
        command: atHost(
          known[0] ?? `the host with ${mac}`,
          "sysctl -w net.ipv4.conf.all.arp_ignore=1 net.ipv4.conf.all.arp_announce=2",
        ),
      },
    };
  });
}
