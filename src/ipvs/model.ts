/**
 * What IPVS is about, as plain immutable data: virtual services, their real servers (destinations), counters and
 * connections. It covers all of IPVS; what an implementation cannot do yet it refuses (see `administration.ts`).
 *
 * Addresses are strings in canonical text: dotted quad without leading zeros for IPv4, RFC 5952 for IPv6. Equal
 * addresses are therefore equal strings. Ports and marks are numbers in host order, times are whole seconds.
 */

/** IP version. */
export type Family = 4 | 6;

/** Transport protocols a virtual service can have. */
export type Protocol = "tcp" | "udp" | "sctp";

/** The identity of a virtual service known by its address. Port 0 is every port (persistent services only). */
export interface AddressServiceKey {
  readonly kind: "address";
  readonly family: Family;
  readonly protocol: Protocol;
  /** The virtual address (VIP), canonical text. */
  readonly address: string;
  /** 0…65535 */
  readonly port: number;
}

/** The identity of a virtual service known by a firewall mark. One mark may serve both families, as two services. */
export interface MarkServiceKey {
  readonly kind: "mark";
  readonly family: Family;
  /** 1…2³²−1 */
  readonly mark: number;
}

export type ServiceKey = AddressServiceKey | MarkServiceKey;

/** The first of the three flags a scheduler may give a meaning to: sh-fallback, mh-fallback. */
export const SCHEDULER_FLAG_1 = 1;
/** The second: sh-port, mh-port. */
export const SCHEDULER_FLAG_2 = 2;
/** The third, which no scheduler uses. */
export const SCHEDULER_FLAG_3 = 4;

/** Connections of one client (or client network) go to one server. */
export interface Persistence {
  /** Lifetime of the template after its last connection, s, at least 1. */
  readonly timeout: number;
  /**
   * How much of the client's address counts. IPv4: a mask as unsigned 32-bit integer, not necessarily contiguous
   * (`IPV4_HOST_MASK`: each client by itself). IPv6: a prefix length, 128 for each client by itself.
   */
  readonly mask: number;
}

/** The IPv4 persistence mask under which each client counts by itself: 255.255.255.255. */
export const IPV4_HOST_MASK = 0xffffffff;
/** The IPv6 persistence prefix length under which each client counts by itself. */
export const IPV6_HOST_PREFIX = 128;

/** A virtual service as configured. */
export interface VirtualService {
  readonly key: ServiceKey;
  /** "rr", "wrr", "lc", "wlc"… as named by the kernel; the implementation decides which exist. */
  readonly scheduler: string;
  /** Bits SCHEDULER_FLAG_1 … SCHEDULER_FLAG_3. */
  readonly schedulerFlags: number;
  readonly persistence: Persistence | null;
  /** Name of the persistence engine that looks into the payload ("sip"), or null. */
  readonly engine: string | null;
  /** One-packet scheduling: each datagram is scheduled anew. UDP and fwmark services only. */
  readonly onePacket: boolean;
  /** What the service's FullNAT servers are told of the client; without meaning under the other methods. */
  readonly clientAddress: ClientAddress;
}

/**
 * How a FullNAT server, which sees an address of the director as its peer, gets to know the client.
 * "hidden": not at all. "toa": TCP option 254 in the client's first segments, copies that clients send themselves are
 * removed. "proxy-v2": a PROXY protocol version 2 header before the first data. Not TCP: always hidden.
 */
export type ClientAddress = "hidden" | "toa" | "proxy-v2";

/**
 * How packets reach the real server. "masquerade": address translation (NAT). "route": direct routing (DR).
 * "tunnel": encapsulated. "local": the server is the director itself. "bypass": on to the original destination.
 * "fullnat": translation of both ends; the server sees an address of the director. Not one of the kernel's IPVS.
 */
export type ForwardingMethod = "masquerade" | "route" | "tunnel" | "local" | "bypass" | "fullnat";

/** The encapsulation of the tunnel method. */
export interface Tunnel {
  readonly type: "ipip" | "gue" | "gre";
  /** UDP destination port, gue only; otherwise 0. */
  readonly port: number;
  /** Checksum of the outer header, gue and gre only: none, full, or (gue) remote checksum offload. */
  readonly checksum: "none" | "full" | "remote";
}

/** What `-i` without further options means. */
export const IPIP: Tunnel = { type: "ipip", port: 0, checksum: "none" };

/** The identity of a destination inside its service. */
export interface DestinationKey {
  /** May differ from the service's under the tunnel method. */
  readonly family: Family;
  /** The real server's address (RIP), canonical text. */
  readonly address: string;
  /** 0…65535; 0: the port the client asked for (any-port and fwmark services). */
  readonly port: number;
}

/** A real server of one virtual service, as configured. */
export interface Destination extends DestinationKey {
  readonly method: ForwardingMethod;
  /** Set exactly if the method is "tunnel". */
  readonly tunnel: Tunnel | null;
  /** 0…2³¹−1; 0: no new connections (quiescent). */
  readonly weight: number;
  /** Connections at which the server counts as overloaded; 0: no limit. */
  readonly upperThreshold: number;
  /** Connections below which an overloaded server is used again; 0: three quarters of the upper threshold. */
  readonly lowerThreshold: number;
}

/** Totals since creation or the last zeroing. Incoming is from clients, outgoing from servers. */
export interface Statistics {
  readonly connections: bigint;
  readonly inPackets: bigint;
  readonly outPackets: bigint;
  readonly inBytes: bigint;
  readonly outBytes: bigint;
}

/** Estimated rates per second, whole numbers. */
export interface Rates {
  readonly connections: number;
  readonly inPackets: number;
  readonly outPackets: number;
  readonly inBytes: number;
  readonly outBytes: number;
}

export const NO_STATISTICS: Statistics = {
  connections: 0n,
  inPackets: 0n,
  outPackets: 0n,
  inBytes: 0n,
  outBytes: 0n,
};

export const NO_RATES: Rates = { connections: 0, inPackets: 0, outPackets: 0, inBytes: 0, outBytes: 0 };

/** A destination with what is going on at it. */
export interface DestinationStatus {
  readonly destination: Destination;
  /** Connections in an active state (TCP: ESTABLISHED and SYN_RECV). */
  readonly active: number;
  /** All other connections. */
  readonly inactive: number;
  /** Persistence templates. */
  readonly persistent: number;
  readonly statistics: Statistics;
  readonly rates: Rates;
}

/** A virtual service with what is going on at it. */
export interface ServiceStatus {
  readonly service: VirtualService;
  /** In the order the scheduler sees them: the one added last comes first. */
  readonly destinations: readonly DestinationStatus[];
  /**
   * Addresses of the director that FullNAT servers of this service see as their peer, canonical text, of the service's
   * family, in the order they were added. Empty: the director's own address towards the server.
   */
  readonly localAddresses: readonly string[];
  readonly statistics: Statistics;
  readonly rates: Rates;
}

/** An address and port at one end of a connection. */
export interface Endpoint {
  readonly family: Family;
  readonly address: string;
  readonly port: number;
}

/** An entry of the connection table: a connection or a persistence template. */
export interface ConnectionEntry {
  /** A persistence template: it stands for all connections of its client and carries no packets itself. */
  readonly template: boolean;
  /** "TCP", "UDP", "SCTP"; "IP" for templates of fwmark services. */
  readonly protocol: string;
  /** "ESTABLISHED", "UDP"… ; for templates "ASSURED" or "NONE". */
  readonly state: string;
  /** Whole seconds until the entry expires, rounded down. */
  readonly expires: number;
  /** Whole seconds that the entry lives after a packet that leaves it in its present state. */
  readonly timeout: number;
  /** The service it was made for; null if that has been deleted since, or the entry does not tell. */
  readonly service: ServiceKey | null;
  readonly method: ForwardingMethod;
  /** The client. Port 0 in a template. */
  readonly source: Endpoint;
  /** What the client asked for. In the template of a fwmark service the address is the mark, big-endian. */
  readonly virtual: Endpoint;
  /** Whom the server sees as its peer: `source`, or under FullNAT an address and port of the director. */
  readonly local: Endpoint;
  /** The chosen server. */
  readonly destination: Endpoint;
  /** Set if a persistence engine made the entry: its name and what it found. */
  readonly engine: { readonly name: string; readonly data: string } | null;
}

/** Timeouts of connection states, s. */
export interface Timeouts {
  /** TCP, established. */
  readonly tcp: number;
  /** TCP, after a FIN. */
  readonly tcpFin: number;
  readonly udp: number;
}

/** A connection synchronisation daemon. */
export interface SyncDaemon {
  readonly role: SyncRole;
  /** 0…255 */
  readonly syncId: number;
  /** Name of the interface the messages go out or come in on. */
  readonly interface: string;
  /** Multicast group, canonical text. */
  readonly group: string;
  /** UDP port. */
  readonly port: number;
  readonly ttl: number;
  /** Largest message, bytes of UDP payload. */
  readonly maxLength: number;
}

export type SyncRole = "master" | "backup";

/** A sysctl of IPVS and its value. */
export interface Sysctl {
  /** Without the prefix: "conn_reuse_mode" is /proc/sys/net/ipv4/vs/conn_reuse_mode to the kernel's IPVS. */
  readonly name: string;
  /** As text, as one reads it there: a number in decimal, or several with a tab between them. */
  readonly value: string;
}

/** A text that is equal exactly for equal keys: for maps and for messages. */
export function serviceId(key: ServiceKey): string {
  return key.kind === "mark"
    ? `fwm${key.family}/${key.mark}`
    : key.family === 4
      ? `${key.protocol}/${key.address}:${key.port}`
      : `${key.protocol}/[${key.address}]:${key.port}`;
}

/** A text that is equal exactly for equal keys of destinations of one service. */
export function destinationId(key: DestinationKey): string {
  return key.family === 4 ? `${key.address}:${key.port}` : `[${key.address}]:${key.port}`;
}

/** The persistence mask under which each client of that family counts by itself. */
export function hostMask(family: Family): number {
  return family === 4 ? IPV4_HOST_MASK : IPV6_HOST_PREFIX;
}
