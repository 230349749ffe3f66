/** What of a host matters to a real server: plain values, read in one place (`read-facts.ts`). */
import { isVersion6, type Step, type TunnelSettings } from "./model.ts";

/** An interface. */
export interface FoundLink {
  readonly name: string;
  readonly up: boolean;
  readonly loopback: boolean;
  /** Whether it speaks ARP (and IPv6's neighbour discovery): a dummy, a tunnel and loopback do not. */
  readonly arp: boolean;
  /** Whether our tunnel end can be attached: Ethernet frames come in by it. */
  readonly ethernet: boolean;
  /** "veth", "ipip", "sit"… undefined for hardware and loopback. */
  readonly kind: string | undefined;
}

/** An address of an interface. */
export interface FoundAddress {
  readonly address: string;
  /** Length of the prefix. */
  readonly length: number;
  readonly link: string;
  readonly label: string | undefined;
}

export interface RealServerFacts {
  readonly links: readonly FoundLink[];
  readonly addresses: readonly FoundAddress[];
  /** Host routes of the main table that lead out of loopback. */
  readonly hostRoutes: readonly string[];
  /** Broadcast addresses of networks. Not those by lo: `ifconfig lo:0 VIP broadcast VIP` makes one of the address itself. */
  readonly broadcasts: readonly string[];
  /** By name with slashes ("net/ipv4/conf/eth0/arp_ignore"); those that the kernel does not have are missing. */
  readonly sysctls: ReadonlyMap<string, string>;
  /** Our own end of tunnels. */
  readonly tunnelEnd: {
    /** Interfaces that it is attached to, with the program of this version. */
    readonly links: readonly string[];
    /** Interfaces with the program of another version, or of a tunnel end that is lost. */
    readonly outdated: readonly string[];
    readonly addresses: ReadonlyMap<string, TunnelSettings>;
  };
}

/** The sysctl of an interface, or of "all". */
export const interfaceSysctl = (link: string, name: string, version: 4 | 6 = 4): string =>
  `net/ipv${version}/conf/${link}/${name}`;

/** A sysctl as a number; 0 where the kernel does not have it. */
export function sysctlNumber(facts: RealServerFacts, name: string): number {
  return Number(facts.sysctls.get(name) ?? 0);
}

/** An interface's own value or that of "all", whichever is larger: so the kernel takes arp_ignore, arp_announce, rp_filter. */
export function effective(facts: RealServerFacts, link: string, name: string): number {
  const of = (which: string): number => sysctlNumber(facts, interfaceSysctl(which, name));
  return Math.max(of("all"), of(link));
}

/** The host after a step. */
export function after(facts: RealServerFacts, step: Step): RealServerFacts {
  const { tunnelEnd } = facts;
  switch (step.kind) {
    case "link":
      return {
        ...facts,
        links: facts.links.map((link) => (link.name === step.link ? { ...link, up: step.up } : link)),
      };
    case "sysctl":
      return { ...facts, sysctls: new Map([...facts.sysctls, [step.name, step.to]]) };
    case "address": {
      const others = facts.addresses.filter(
        ({ address, link }) => address !== step.vip || link !== "lo" || step.add,
      );
      const length = isVersion6(step.vip) ? 128 : 32;
      const own = { address: step.vip, length, link: "lo", label: step.label ?? undefined };
      return { ...facts, addresses: step.add ? [...others, own] : others };
    }
    case "route": {
      const others = facts.hostRoutes.filter((each) => each !== step.vip);
      return { ...facts, hostRoutes: step.add ? [...others, step.vip] : others };
    }
    case "tunnel": {
      const addresses = new Map(tunnelEnd.addresses);
      if (step.to === null) addresses.delete(step.vip);
      else addresses.set(step.vip, step.to);
      return { ...facts, tunnelEnd: { ...tunnelEnd, addresses } };
    }
    case "attachment": {
      const without = (links: readonly string[]) => links.filter((each) => each !== step.link);
      const links = [...without(tunnelEnd.links), ...(step.add ? [step.link] : [])];
      return { ...facts, tunnelEnd: { ...tunnelEnd, links, outdated: without(tunnelEnd.outdated) } };
    }
  }
}
