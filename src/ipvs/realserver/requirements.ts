/**
 * What a host must have to serve a virtual address as a real server, and what of it is missing. Pure: `lvs realserver` makes
 * its plans from it, and `lvs doctor` its findings.
 */
import { effective, type FoundLink, interfaceSysctl, type RealServerFacts } from "./facts.ts";
import { isVersion6, type Requirement, type Step, sameTunnel, type Wanted } from "./model.ts";
import { reversePath } from "./reverse-path.ts";
import { change, own } from "./sysctl-step.ts";

/** Whether the server serves the address. */
export function isComplete(requirements: readonly Requirement[]): boolean {
  return requirements.every(({ met, essential }) => met || !essential);
}

/** Kinds of links that are the kernel's own ends of tunnels, by the version of what is inside. */
const TUNNEL_KINDS: Readonly<Record<4 | 6, ReadonlySet<string>>> = {
  4: new Set(["ipip", "ip6tnl", "gre", "ip6gre"]),
  6: new Set(["sit", "ip6tnl", "gre", "ip6gre"]),
};
/** Kinds with Ethernet frames that modules make unasked; nobody uses them while they are down. */
const UNASKED: ReadonlySet<string> = new Set(["gretap", "erspan", "ip6gretap", "ip6erspan"]);

/** Answers to ARP requests for none but the interface's own addresses; 8: for none at all. */
const QUIET: ReadonlySet<number> = new Set([1, 2, 8]);
const BEST_ADDRESS = 2;

/** All requirements of a virtual address, in the order in which they are to be met: nobody hears of an address too early. */
export function realServerRequirements(facts: RealServerFacts, wanted: Wanted): Requirement[] {
  const arp = isVersion6(wanted.vip) ? [] : [arpIgnore(facts), arpAnnounce(facts)];
  const entries = entryLinks(facts, wanted);
  const requirements = [loopback(facts), ...arp];
  if (!isVersion6(wanted.vip) && entries.length > 0) requirements.push(reversePath(facts, entries));
  if (wanted.mode === "tun") requirements.push(tunnelEnd(facts, wanted));
  requirements.push(address(facts, wanted));
  if (!isVersion6(wanted.vip)) requirements.push(route(facts, wanted));
  return requirements;
}

/** Where our tunnel end is wanted. */
export function tunnelLinks(facts: RealServerFacts, { interfaces }: Wanted): string[] {
  const isAble = ({ ethernet, loopback, up, kind = "" }: FoundLink): boolean =>
    ethernet && !loopback && (up || !UNASKED.has(kind));
  const able = facts.links.filter(isAble).map(({ name }) => name);
  return interfaces === null ? able : able.filter((name) => interfaces.includes(name));
}

/** Whether what comes in by the kernel's own tunnel devices, if there are any, is all that the server relies on. */
function reliesOnDevices(facts: RealServerFacts, { vip }: Wanted): boolean {
  return !facts.tunnelEnd.addresses.has(vip) && tunnelDevices(facts, vip).length > 0;
}

/** The kernel's own ends of tunnels with such an address inside. */
export function tunnelDevices(facts: RealServerFacts, vip: string): string[] {
  const kinds = TUNNEL_KINDS[isVersion6(vip) ? 6 : 4];
  const isEnd = ({ kind, up }: FoundLink): boolean => up && kind !== undefined && kinds.has(kind);
  return facts.links.filter(isEnd).map(({ name }) => name);
}

/** Interfaces by which the address's packets come as from far away, while answers may go another way. */
function entryLinks(facts: RealServerFacts, wanted: Wanted): string[] {
  if (wanted.mode === "dr") return [...(wanted.interfaces ?? [])];
  const devices = tunnelDevices(facts, wanted.vip);
  return reliesOnDevices(facts, wanted) ? devices : [...tunnelLinks(facts, wanted), ...devices];
}

function loopback({ links }: RealServerFacts): Requirement {
  const met = links.some(({ loopback, up }) => loopback && up);
  return {
    ...{ name: "loopback", met, essential: true, found: met ? "lo is up" : "lo is down" },
    ...{ links: [], sysctls: [] },
    steps: met ? [] : [{ kind: "link", link: "lo", up: true }],
  };
}

function address({ addresses, links }: RealServerFacts, { vip }: Wanted): Requirement {
  const length = isVersion6(vip) ? 128 : 32;
  const silent = new Set(links.filter(({ arp }) => !arp).map(({ name }) => name));
  const there = addresses.filter((each) => each.address === vip);
  const right = there.find((each) => silent.has(each.link) && each.length === length);
  const where = (right ?? there[0])!;
  const label = isVersion6(vip) ? null : freeLabel(addresses.map((each) => each.label));
  return {
    ...{ name: "address", met: right !== undefined, essential: true, links: [], sysctls: [] },
    found:
      there.length === 0
        ? `${vip} is on no interface`
        : `${vip}/${where.length} is on ${where.link}${where.label && where.label !== where.link ? ` (${where.label})` : ""}`,
    steps: right === undefined ? [{ kind: "address", vip, label, add: true }] : [],
  };
}

/** The first of lo:0, lo:1… that no address has: ifconfig lists only what has a label. */
function freeLabel(labels: readonly (string | undefined)[]): string {
  for (let number = 0; ; number++) if (!labels.includes(`lo:${number}`)) return `lo:${number}`;
}

/** The tutorials make it; the kernel finds the address without. */
function route({ hostRoutes }: RealServerFacts, { vip }: Wanted): Requirement {
  const met = hostRoutes.includes(vip);
  return {
    ...{ name: "route", met, essential: false, links: [], sysctls: [] },
    found: met ? `${vip} dev lo` : `no host route to ${vip} by lo`,
    steps: met ? [] : [{ kind: "route", vip, add: true }],
  };
}

function arpIgnore(facts: RealServerFacts): Requirement {
  const isQuiet = (value: number): boolean => QUIET.has(value);
  const set = (all: number): Step[] => {
    const loud = speakers(facts).filter(
      ({ name }) => !isQuiet(Math.max(all, own(facts, name, "arp_ignore"))),
    );
    return loud.map(({ name }) => change(facts, name, "arp_ignore", 1));
  };
  return arp(facts, "arp_ignore", isQuiet, (all) => {
    const wanted = isQuiet(all) ? all : 1;
    return [...raise(facts, "arp_ignore", wanted), ...set(wanted)];
  });
}

function arpAnnounce(facts: RealServerFacts): Requirement {
  return arp(
    facts,
    "arp_announce",
    (value) => value >= BEST_ADDRESS,
    () => raise(facts, "arp_announce", BEST_ADDRESS),
  );
}

type ArpSysctl = "arp_ignore" | "arp_announce";

/** A sysctl that each interface with ARP must have right, by itself or by "all". */
function arp(
  facts: RealServerFacts,
  name: ArpSysctl,
  isRight: (value: number) => boolean,
  stepsFrom: (all: number) => readonly Step[],
): Requirement {
  const links = speakers(facts);
  const wrong = links.filter((link) => !isRight(effective(facts, link.name, name)));
  const all = own(facts, "all", name);
  // Without any interface yet, those that come shall find it right.
  const met = links.length === 0 ? isRight(all) : wrong.length === 0;
  const shown = wrong.map((link) => `${effective(facts, link.name, name)} at ${link.name}`).join(", ");
  return {
    ...{ name, met, essential: true },
    found: met ? `${name} is right at all interfaces` : `${name} is ${shown || all}`,
    steps: met ? [] : stepsFrom(all),
    links: wrong.map((link) => link.name),
    sysctls: ["all", "lo", ...links.map((link) => link.name)].map((link) => interfaceSysctl(link, name)),
  };
}

/** As the tutorials have it: on lo, where it has no effect, and for all. */
function raise(facts: RealServerFacts, name: ArpSysctl, value: number): Step[] {
  return ["lo", "all"]
    .filter((link) => own(facts, link, name) !== value)
    .map((link) => change(facts, link, name, value));
}

/** Interfaces that answer ARP requests. */
function speakers({ links }: RealServerFacts): FoundLink[] {
  return links.filter((link) => link.arp && !link.loopback);
}

function tunnelEnd(facts: RealServerFacts, wanted: Wanted): Requirement {
  const { vip, tunnel } = wanted;
  const present = facts.tunnelEnd.addresses.get(vip) ?? null;
  const links = tunnelLinks(facts, wanted);
  const missing = links.filter((link) => !facts.tunnelEnd.links.includes(link));
  const steps: Step[] = missing.map((link) => ({ kind: "attachment", link, add: true }));
  if (present === null || !sameTunnel(present, tunnel)) {
    steps.push({ kind: "tunnel", vip, from: present, to: tunnel });
  }
  const devices = tunnelDevices(facts, vip);
  const byDevices = reliesOnDevices(facts, wanted);
  const types = tunnel.types.map((type) => (type === "gue" ? `gue by port ${tunnel.guePort}` : type));
  const ours =
    present === null
      ? `nothing takes ${vip} out of tunnels`
      : missing.length > 0
        ? `${missing.join(", ")} not attached`
        : links.length === 0
          ? "there is no interface with Ethernet frames"
          : `${vip} is not taken out of all of ${types.join(", ")}`;
  const met = byDevices || (steps.length === 0 && links.length > 0);
  return {
    ...{ name: "tunnel", met, essential: true, steps, links: [], sysctls: [] },
    found: byDevices
      ? `the kernel's ${devices.join(", ")}`
      : met
        ? `${types.join(", ")} at ${links.join(", ")}`
        : ours,
  };
}
