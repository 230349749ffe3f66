/** What is known of a host when it is examined: plain values, gathered once (gather.ts), from which all checks draw their conclusions. */
import type { ConnectOutcome } from "../../linux/index.ts";
import type { RecordedServer } from "../director/recorded.ts";
import type { DirectorStatus } from "../director/status.ts";
import type { Family, ServiceStatus, Sysctl, Timeouts } from "../model.ts";
import type { RealServerHost } from "../realserver/host.ts";
import type { InterfaceMatch } from "../rules/model.ts";
import type { Firewall } from "./firewall/model.ts";

/** Whether the datapath is at an interface. "forbidden": taken off by `lvs detach`; "impossible": it cannot be (no Ethernet frames). */
export type DatapathState = "attached" | "missing" | "forbidden" | "impossible";

/** An interface. Settings are those in force: of the interface's own and those for "all", as the kernel combines them. */
export interface LinkFacts {
  readonly name: string;
  readonly up: boolean;
  readonly carrier: boolean;
  readonly loopback: boolean;
  /** Whether ARP and neighbour discovery are spoken there: not on loopback, dummies and tunnels. */
  readonly speaksArp: boolean;
  /** "veth", "bridge", "dummy", "ipip"…; null for hardware and loopback. */
  readonly kind: string | null;
  /** Bytes. */
  readonly mtu: number;
  readonly datapath: DatapathState;
  /** rp_filter: 0 off, 1 strict, 2 loose. */
  readonly reversePathFilter: number;
  readonly arpIgnore: number;
  readonly sendRedirects: boolean;
  readonly forwarding: Readonly<Record<Family, boolean>>;
  /** Features by the kernel's names that are on; empty where they cannot be asked for. */
  readonly features: ReadonlySet<string>;
}

/** An address of an interface. */
export interface AddressFacts {
  readonly link: string;
  /** Canonical text. */
  readonly address: string;
  readonly family: Family;
  /** Of its network's prefix. */
  readonly length: number;
  /** Duplicate address detection found another host with it (IPv6). */
  readonly duplicate: boolean;
  /** For this host only (scope "host"), or for the link only ("link"). */
  readonly scope: "global" | "link" | "host";
}

export interface DefaultRoute {
  readonly family: Family;
  /** Null: there is no gateway. */
  readonly via: string | null;
  /** Null: several, or none (unreachable, blackhole). */
  readonly link: string | null;
}

/** How packets of this host get to an address. */
export interface Way {
  readonly link: string;
  /** The gateway; null: the address is on the link itself. */
  readonly via: string | null;
  /** The host's own address towards it. */
  readonly source: string | null;
  /** Bytes: the path's as far as it is known, else the link's. */
  readonly mtu: number;
  /** The address is the host's own. */
  readonly local: boolean;
  /** What ARP or neighbour discovery say of the next hop. "unknown": it has not been asked for. */
  readonly neighbour: "answers" | "failed" | "unknown";
}

/** A program that waits for packets. */
export interface Listener {
  readonly protocol: "tcp" | "udp";
  /** Canonical text; null: any address. */
  readonly address: string | null;
  readonly port: number;
}

/** What a real server answered: see {@link ConnectOutcome}. */
export interface ServerProbe {
  /** Of a connection as the route says. */
  readonly plain: ConnectOutcome;
  /**
   * Of one from an address that the server's answers to clients depend on: from the virtual address for a masqueraded server, from
   * a local address for FullNAT. Null: was not tried.
   */
  readonly from: { readonly address: string; readonly outcome: ConnectOutcome } | null;
}

/** A masqueraded connection whose client is in the server's own network. */
export interface Bypassing {
  readonly client: string;
  readonly server: string;
  readonly service: string;
}

/** The director of this network namespace. */
export interface DirectorFacts {
  readonly status: DirectorStatus;
  readonly services: readonly ServiceStatus[];
  /** Ways to servers, by address; null: there is none. */
  readonly ways: ReadonlyMap<string, Way | null>;
  /** Virtual and local addresses, and those that servers are recorded to be reached from, that are the host's own. */
  readonly own: ReadonlySet<string>;
  /** What the datapath goes by, by `probeId`. */
  readonly recorded: ReadonlyMap<string, RecordedServer>;
  /** By `probeId`. Empty if servers were not to be asked. */
  readonly probes: ReadonlyMap<string, ServerProbe>;
  /** Link-layer addresses of other hosts that answered ARP for a virtual address of ours, by that address. */
  readonly otherOwners: ReadonlyMap<string, readonly string[]>;
  /** A few that were found in the connection table. */
  readonly bypassing: readonly Bypassing[];
  /** The sysctl pmtu_disc: tunnels do not cut packets. */
  readonly pathMtuDiscovery: boolean;
  /** Rules of our own, before the datapath. */
  readonly ownRules: Firewall;
  /** Marks that they may give, by family; null: it is not known. */
  readonly markRules: Readonly<Record<Family, readonly MarkGiven[]>> | null;
  /** What rules of our own ask of interfaces. */
  readonly ruleInterfaces: readonly InterfaceMatch[];
  /** Interfaces that rules of our own know by another name than the present one: that name, by the present one. */
  readonly formerNames: ReadonlyMap<string, string>;
  readonly changedSettings: ChangedSettings;
}

/** Settings that are not as they begin. */
export interface ChangedSettings {
  readonly sysctls: readonly Sysctl[];
  /** Null: they are. */
  readonly timeouts: Timeouts | null;
}

/** What a rule makes of a mark: (mark & ~mask) ^ value. */
export interface MarkGiven {
  readonly value: number;
  readonly mask: number;
}

/** What the person who asks told us about a real server. */
export interface RealServerHints {
  /** Virtual addresses that the server ought to have, canonical text. */
  readonly virtualAddresses: readonly string[];
  /** Addresses of the director, canonical text. */
  readonly directors: readonly string[];
}

/** What the kernel knows of a host on a link. */
export interface NeighbourFacts {
  readonly address: string;
  readonly mac: string;
}

/** Ports, both ends included. */
export interface PortRange {
  readonly first: number;
  readonly last: number;
}

export interface HostFacts {
  readonly links: readonly LinkFacts[];
  readonly addresses: readonly AddressFacts[];
  readonly defaultRoutes: readonly DefaultRoute[];
  readonly neighbours: readonly NeighbourFacts[];
  /** Null: there is none here, and never was. */
  readonly director: DirectorFacts | null;
  /** /proc/sys is read-only, as in some containers: whoever makes them must set sysctls. */
  readonly sysctlsReadOnly: boolean;
  /** Services of the kernel's own IPVS in this namespace, as `serviceId` has them. */
  readonly kernelServices: readonly string[];
  readonly firewall: Firewall;
  readonly listeners: readonly Listener[];
  /** Those that the kernel gives to sockets by itself, of both families. Null: it is not known. */
  readonly localPorts: PortRange | null;
  /** The host as `lvs realserver` sees it, and what that has set up. */
  readonly realServer: RealServerHost;
  readonly hints: RealServerHints;
}

/** The name of a probe of a service's server, for `DirectorFacts.probes`. */
export function probeId(service: string, server: string): string {
  return `${service} ${server}`;
}
