// SPDX-License-Identifier: MIT OR GPL-2.0-only
/**
 * The memory that the datapath and the administration share: every map and its layout.
 *
 * Who writes what: *configuration* is written by the administration only, under its lock, and read by the datapath;
 * *runtime* is written by the datapath only. No field has two writers (but for atomic counters, noted where they are).
 *
 * A change of configuration is built aside and becomes visible by one store:
 * - a virtual service exists when `services` has its key with the current `Settings.epoch`; flushing all services is
 *   one store of a new epoch;
 * - everything else about a service (scheduler, flags, its destinations in list order, their weights) is its *pool*.
 *   A service owns two pool slots, 2·index and 2·index+1; the one in use is `Service.pool`. The administration fills the
 *   other one, and its members, then stores `Service.pool`.
 *
 * Slot 0 of serviceTable and destinationTable is never used, so that 0 means "none".
 *
 * Time is counted in *ticks* of 2^27 ns (134 ms) of CLOCK_MONOTONIC: a u32 lasts 18 years.
 */
import {
  array,
  arrayMap,
  bytes,
  hashMap,
  type Infer,
  ipv4,
  lruHashMap,
  perCpuArrayMap,
  programArray,
  struct,
  timer,
  u8,
  u16,
  u16be,
  u32,
  u32be,
  u64,
} from "../bpf/index.ts";

/** Bump with every change of a layout: state left by another version is refused, not misread. */
export const LAYOUT_VERSION = 3;

/** log2 of the nanoseconds in a tick. */
export const TICK_SHIFT = 27n;

/** The protocol of templates of services by firewall mark, which listings call "IP". */
export const PROTOCOL_ANY = 0;
export const PROTOCOL_ICMP = 1;
export const PROTOCOL_TCP = 6;
export const PROTOCOL_UDP = 17;
export const PROTOCOL_ESP = 50;
export const PROTOCOL_AH = 51;
export const PROTOCOL_ICMPV6 = 58;
export const PROTOCOL_SCTP = 132;

/** Numbers of the schedulers in `Pool.scheduler`. */
export const SCHEDULER_RR = 1;
export const SCHEDULER_WRR = 2;
export const SCHEDULER_LC = 3;
export const SCHEDULER_WLC = 4;
export const SCHEDULER_LBLC = 5;
export const SCHEDULER_LBLCR = 6;
export const SCHEDULER_DH = 7;
export const SCHEDULER_SH = 8;
export const SCHEDULER_MH = 9;
export const SCHEDULER_SED = 10;
export const SCHEDULER_NQ = 11;
export const SCHEDULER_FO = 12;
export const SCHEDULER_OVF = 13;
export const SCHEDULER_TWOS = 14;

/** Forwarding methods, as numbered by IPVS. */
export const FORWARD_MASQ = 0;
export const FORWARD_LOCAL = 1;
export const FORWARD_TUNNEL = 2;
export const FORWARD_ROUTE = 3;
/** To the original destination (sysctl cache_bypass). */
export const FORWARD_BYPASS = 4;
/** Not one of IPVS's: masquerading of both ends. */
export const FORWARD_FULLNAT = 5;

/** Types of tunnels, as numbered by IPVS, and what a tunnel's outer header says of checksums. */
export const TUNNEL_IPIP = 0;
export const TUNNEL_GUE = 1;
export const TUNNEL_GRE = 2;
export const TUNNEL_NO_CHECKSUM = 0;
export const TUNNEL_CHECKSUM = 1;
export const TUNNEL_REMOTE_CHECKSUM = 2;

/**
 * Connection states: TCP's eleven as numbered by IPVS (and by `Settings.timeouts`), UDP's one, two of templates: one that a
 * connection proved right, and one that none did yet; and from 16 on SCTP's fourteen, as numbered by IPVS.
 */
export const STATE_NONE = 0;
export const STATE_ESTABLISHED = 1;
export const STATE_SYN_SENT = 2;
export const STATE_SYN_RECV = 3;
export const STATE_FIN_WAIT = 4;
export const STATE_TIME_WAIT = 5;
export const STATE_CLOSE = 6;
export const STATE_CLOSE_WAIT = 7;
export const STATE_LAST_ACK = 8;
export const STATE_LISTEN = 9;
export const STATE_SYNACK = 10;
export const STATE_UDP = 11;
export const STATE_ASSURED = 12;
export const STATE_UNASSURED = 13;
/** TCP: what IPVS calls NONE: no segment has been seen yet, only an ICMP error (sysctl schedule_icmp). */
export const STATE_BEGUN = 14;
export const STATE_SCTP = 16;
export const STATE_SCTP_ESTABLISHED = 24;
export const STATES = 32;
/** As listings print them, by number. */
export const STATE_NAMES = [
  "NONE",
  "ESTABLISHED",
  "SYN_SENT",
  "SYN_RECV",
  "FIN_WAIT",
  "TIME_WAIT",
  "CLOSE",
  "CLOSE_WAIT",
  "LAST_ACK",
  "LISTEN",
  "SYNACK",
  "UDP",
  "ASSURED",
  "NONE",
  "NONE",
  "",
  "NONE",
  "INIT1",
  "INIT",
  "C-SENT",
  "C-REPLIED",
  "C-WAIT",
  "COOKIE",
  "C-ECHOED",
  "ESTABLISHED",
  "S-SENT",
  "S-RECEIVED",
  "S-ACK-SENT",
  "REJECTED",
  "CLOSED",
] as const;

/** Parts of `Connection.state`: the STATE_*; counted as inactive; being removed; to be ended; where the slot's generation begins. */
export const STATE_MASK = 0xff;
export const STATE_INACTIVE = 0x100;
export const STATE_REMOVED = 0x200;
/** Set by the administration: the connection is to end whatever its time; no packet finds it any more. */
export const STATE_ENDED = 0x400;
export const STATE_GENERATION_SHIFT = 16;

/** An IP address in 32-bit words. IPv4: the first; the others are 0. */
export const Address = struct("Address", { words: array(u32be, 4) });
export type Address = Infer<typeof Address>;

/** Where a frame for some address goes. `interface` 0: not known. Runtime. */
export const NextHop = struct("NextHop", {
  interface: u32,
  /** Tick after which the next packet asks the kernel again (and keeps its neighbour entry alive). */
  checkAgain: u32,
  /** Destination and source link-layer address, as the first 12 bytes of a frame. */
  addresses: array(u32be, 3),
  /** Bytes of the largest IP packet on the way; 0 = not known. */
  mtu: u32,
});
export type NextHop = Infer<typeof NextHop>;

/** One per namespace. */
export const Settings = struct("Settings", {
  layout: u32,
  /** Services of another epoch do not exist. */
  epoch: u32,
  /** Ticks that a connection lives in each state without a packet, indexed by STATE_*. */
  timeouts: array(u32, STATES),
  /** The values of sysctls, by their SYSCTL_* index (sysctls.ts). */
  sysctls: array(u32, 64),
  /** Slots of connectionTable, and the number of possible CPUs. */
  connectionLimit: u32,
  cpus: u32,
  /** 1 + the highest destination slot ever used: the estimator walks no further. */
  destinationEnd: u32,
  /** Not 0 while a command is changing the configuration: found set, the next command repairs the secondary tables. */
  dirty: u32,
});
export type Settings = Infer<typeof Settings>;
export const settings = arrayMap("settings", { value: Settings, entries: 1, mappable: true });

/** What the datapath counts about itself, per CPU. Runtime. */
export const Events = struct("Events", {
  /** Connections created; that ended; new flows forwarded without state because the connection table was full. */
  created: u64,
  expired: u64,
  stateless: u64,
  /** New flows refused because no server of their service was usable. */
  refused: u64,
  /** Packets of connections whose server was removed. */
  orphaned: u64,
  /** IPv4 packets whose lengths contradict each other; the kernel's stack gets them as they are. */
  malformed: u64,
  /** ICMP errors sent, and those not sent because there were too many. */
  answered: u64,
  unanswered: u64,
  /** Fragments that came before the first of their datagram and were kept for it; those for which there was no room. */
  held: u64,
  unheld: u64,
});
export type Events = Infer<typeof Events>;
export const events = perCpuArrayMap("events", { value: Events, entries: 1 });

/** Values of `ServiceKey.kind`: an address and port of that family, or a firewall mark for packets of that family. */
export const SERVICE_IPV4 = 4;
export const SERVICE_IPV6 = 6;
export const SERVICE_MARK = 0x80;

/**
 * Key of a virtual service: virtual address, port (0: every port) and protocol. Of a service by mark: the mark in the
 * address's first word, port and protocol 0.
 */
export const ServiceKey = struct("ServiceKey", { address: Address, port: u16be, protocol: u8, kind: u8 });
export type ServiceKey = Infer<typeof ServiceKey>;

export const ServiceEntry = struct("ServiceEntry", { service: u32, epoch: u32 });
export type ServiceEntry = Infer<typeof ServiceEntry>;
export const services = hashMap("services", { key: ServiceKey, value: ServiceEntry, entries: 16384 });

/** A virtual service. */
export const Service = struct("Service", {
  key: ServiceKey,
  /** Configuration: the pool in use, 2·index or 2·index+1. The one store that publishes a change. */
  pool: u32,
  /** Configuration: not 0 while the slot is taken. */
  inUse: u32,
  /**
   * Runtime of the scheduler, changed by compare-and-exchange. rr: bits 0–15 position in the pool, 16–39 destination
   * last chosen, 40–63 low bits of the pool's generation. wrr: bits 0–15 position plus 1 (0: before the
   * first), 16–46 current weight, 47–63 low bits of the generation. Of another generation it is void. lblc, lblcr: bits 0–31
   * `LocalityKey.run`, 32–63 the tick at which it began; 0: to be drawn.
   */
  cursor: u64,
});
export type Service = Infer<typeof Service>;
export const serviceTable = arrayMap("service_table", { value: Service, entries: 16384, mappable: true });

/** Bits of `Pool.flags`: the three that schedulers may give a meaning to; one-packet scheduling; how FullNAT servers get to know the client. */
export const POOL_FLAG_1 = 1;
export const POOL_FLAG_2 = 2;
export const POOL_FLAG_3 = 4;
export const POOL_ONE_PACKET = 8;
export const POOL_TOA = 16;
export const POOL_PROXY = 32;

/** All that is configured about a service, built aside. */
export const Pool = struct("Pool", {
  scheduler: u32,
  flags: u32,
  /** Ticks that a persistence template lives after its last connection; 0: the service is not persistent. */
  persistence: u32,
  /** What counts of a client's address under persistence, as a mask. */
  mask: Address,
  /** sh, dh, mh: where the scheduler's table begins in `buckets`. */
  bucketStart: u32,
  /** FullNAT: the local addresses are `localAddresses[localStart … localStart+localCount)`. */
  localStart: u32,
  localCount: u32,
  /** Grows with every change of the service: a scheduler that sees a new one brings its cursor up to date. */
  generation: u32,
  /** The members are `members[start … start+count)`, in IPVS's list order (the server added last comes first). */
  start: u32,
  count: u32,
  /** Of the members' weights: the largest, and the greatest common divisor of those above 0 (1 if there are none). */
  maximumWeight: u32,
  weightDivisor: u32,
  /**
   * Weighted round robin: the current weight to begin with: after an edit `currentWeightAfterEdit` (wrr-weight.ts) of what it
   * was before, which the service's cursor says, or the previous pool if nothing was scheduled with it.
   */
  initialWeight: u32,
  /**
   * Round robin: the position to continue after: that of the server last chosen, or, if it has been removed, of the one
   * before it; 0xffff: from the start.
   */
  resume: u32,
  /**
   * Always 0, but the verifier cannot know. Kernels before 6.8 take what a callback finds in its context for what it was at the
   * first call, and remove code that would be dead then; so what callbacks change begins with this.
   */
  zero: u32,
});
export type Pool = Infer<typeof Pool>;
export const pools = arrayMap("pools", { value: Pool, entries: 32768, mappable: true });

/** A destination as member of a pool. */
export const Member = struct("Member", { destination: u32, weight: u32 });
export type Member = Infer<typeof Member>;
export const members = arrayMap("members", { value: Member, entries: 262144, mappable: true });

/**
 * The tables of sh, dh and mh: slots of destinations (0: nobody), 256 of them for sh and dh, 4093 for mh. Built by the
 * administration, which owns `buckets[pool.bucketStart … )` as it owns a pool's members.
 */
export const Bucket = struct("Bucket", { destination: u16 });
export type Bucket = Infer<typeof Bucket>;
export const buckets = arrayMap("buckets", { value: Bucket, entries: 1048576, mappable: true });

/** The local addresses of FullNAT services. Configuration. */
export const localAddresses = arrayMap("local_addresses", { value: Address, entries: 16384, mappable: true });

/** A real server of one service. Its slot stays taken while connections refer to it, so that it can come back. */
export const Destination = struct("Destination", {
  /** Configuration. */
  address: Address,
  port: u16be,
  /** FORWARD_*. */
  forward: u8,
  /** 0: removed; packets of its connections are dropped. */
  available: u8,
  /** 4 or 6: of its address; differs from the service's only under FORWARD_TUNNEL. */
  family: u8,
  /** FORWARD_TUNNEL: TUNNEL_* type, checksums and (gue) UDP port. */
  tunnelType: u8,
  tunnelChecksum: u8,
  /** Its address is one of the director's own: packets for it go up the stack. */
  isLocal: u8,
  tunnelPort: u16be,
  reserved: u16,
  /** The director's own address towards it: source of tunnels, and of FullNAT without local addresses. Of its family; 0: not known. */
  source: Address,
  /** Configuration: connections above which it takes no more, and below which it takes them again; 0 = none. */
  upper: u32,
  lower: u32,
  service: u32,
  /** Configuration: not 0 while the slot is taken. */
  inUse: u32,
  /** Runtime, atomic: connections that are established or opening; all others; persistence templates. */
  active: u32,
  inactive: u32,
  persistent: u32,
  /**
   * Runtime: the `upper` that the number of its connections has reached; 0: none. It counts as overloaded while that
   * is not below the present `upper`: raising or removing the threshold frees it at once.
   */
  overloaded: u32,
  /** Runtime: FullNAT: where the search for a free local port goes on. */
  portCursor: u32,
  /** Configuration: its weight, and the last one above 0 (mh). */
  weight: u32,
  lastWeight: u32,
  spare: u32,
  /** Runtime. */
  hop: NextHop,
});
export type Destination = Infer<typeof Destination>;
export const destinationTable = arrayMap("destinations", {
  value: Destination,
  entries: 65536,
  mappable: true,
});

/** Traffic of a destination. A service's is the sum over its destinations and `retired`. Runtime (per CPU). */
export const Counters = struct("Counters", {
  connections: u64,
  inPackets: u64,
  inBytes: u64,
  outPackets: u64,
  outBytes: u64,
});
export type Counters = Infer<typeof Counters>;
export const counters = perCpuArrayMap("counters", { value: Counters, entries: 65536 });

/** The estimator of a destination: counters at the last round and moving averages, scaled as in IPVS. Runtime. */
export const Estimate = struct("Estimate", {
  last: Counters,
  /** Scaled by 2^10 (connections and packets per second) and 2^5 (bytes per second). */
  connectionRate: u64,
  inPacketRate: u64,
  outPacketRate: u64,
  inByteRate: u64,
  outByteRate: u64,
});
export type Estimate = Infer<typeof Estimate>;
export const estimates = arrayMap("estimates", { value: Estimate, entries: 65536, mappable: true });

/** Counters that zeroing and removed destinations leave behind. Configuration (never touched by the datapath). */
export const Baseline = struct("Baseline", { counters: Counters });
export type Baseline = Infer<typeof Baseline>;
/** What counted when a destination was last zeroed: shown = counted − baseline. */
export const destinationBaseline = arrayMap("dest_baseline", {
  value: Baseline,
  entries: 65536,
  mappable: true,
});
/** What a service adds to the sum of its destinations (traffic of removed ones). */
export const serviceRetired = arrayMap("service_retired", {
  value: Baseline,
  entries: 16384,
  mappable: true,
});

/**
 * Parts of `Connection.kind`. What flows are told apart by (KIND_OF_FLOW): bits 0–7 IP protocol, 8 IPv6, 9 a persistence
 * template, 10 a template of a service by mark. Then: bits 11–13 FORWARD_*; 14: replies are never seen.
 */
export const KIND_PROTOCOL = 0xff;
export const KIND_IPV6 = 0x100;
export const KIND_TEMPLATE = 0x200;
export const KIND_MARK = 0x400;
export const KIND_OF_FLOW = 0x7ff;
export const KIND_FORWARD_SHIFT = 11;
export const KIND_NO_OUTPUT = 0x4000;

/**
 * A flow: one direction of a connection as its packets look before we touch them. IPv6 addresses are represented by
 * *words*: seeded hashes of 32 bits (words.ts); the addresses themselves are then in `Scratch.source` and `.destination`.
 */
export const FlowKey = struct("FlowKey", {
  source: ipv4,
  destination: ipv4,
  sourcePort: u16be,
  destinationPort: u16be,
  /** KIND_*, no more than KIND_OF_FLOW. */
  kind: u32,
});
export type FlowKey = Infer<typeof FlowKey>;

export const FROM_CLIENT = 0;
export const FROM_SERVER = 1;

/**
 * A word of the flow table; 0: free. Bits 0–6: tag, a part of the flow's hash, never 0; bit 7: direction (FROM_CLIENT, FROM_SERVER);
 * 8–31: slot of the connection. Taken and replaced by compare-and-exchange.
 */
export const FlowWord = struct("FlowWord", { word: u32 });
export type FlowWord = Infer<typeof FlowWord>;

/** Words of a bucket. */
export const FLOW_WAYS = 7;

/** Half a cache line of the flow table. `overflow`: how many flows whose bucket this is are in the next one. */
export const FlowBucket = struct("FlowBucket", { overflow: u32, ways: array(FlowWord, FLOW_WAYS) });
export type FlowBucket = Infer<typeof FlowBucket>;

/**
 * Which connection a packet belongs to: a hash table of our own, whose elements are the connections themselves. Each has two
 * words in it: client → virtual service, and real server → client. There is a bucket for each slot of connectionTable. Runtime.
 *
 * The kernel's hash maps would do, but take 5 times the memory and, for a new flow, 5 times as long.
 */
export const flows = arrayMap("flows", { value: FlowBucket, entries: 262144, mappable: true });

/**
 * A connection: 64 bytes, one cache line. Runtime. A word of `flows` only suggests one, so whoever follows it compares the
 * addresses and ports here with the packet's. Of IPv6 addresses it holds the words; the addresses are in `wide`.
 *
 * A persistence template is one too: its client is masked, its client port 0, its virtual address that of the service, or the mark.
 */
export const Connection = struct("Connection", {
  client: ipv4,
  virtual: ipv4,
  clientPort: u16be,
  virtualPort: u16be,
  server: ipv4,
  serverPort: u16be,
  /** KIND_*. */
  kind: u16,
  /** Bits 0–7 STATE_*, bit 8: counted as inactive, bit 9: being removed, 16–31 generation. By compare-and-exchange. */
  state: u32,
  /** Tick at which it ends unless a packet comes. */
  expires: u32,
  destination: u16,
  /** Whom the server sees as its peer: the client, or under FullNAT an address and port of the director. */
  localPort: u16be,
  local: ipv4,
  /** The template that it follows (control.ts); 0: none. Of a template: how many connections follow it (atomic). */
  control: u32,
  /** Towards the client. */
  hop: NextHop,
});
export type Connection = Infer<typeof Connection>;
export const connectionTable = arrayMap("connections", {
  value: Connection,
  entries: 262144,
  mappable: true,
});

/** The addresses of an IPv6 connection, in the same slot as the connection. Runtime. */
export const Wide = struct("Wide", { client: Address, virtual: Address, server: Address, local: Address });
export type Wide = Infer<typeof Wide>;
export const wide = arrayMap("wide", { value: Wide, entries: 262144, mappable: true });

/**
 * When the sweeper next looks at a connection: a tick; 0 = the slot is free (taken by compare-and-exchange).
 * Never later than the connection's `expires` was when that last became sooner. A connection being removed keeps its slot
 * until the sweeper comes by once more, so that no program still running sees it reused.
 */
export const Due = struct("Due", { tick: u32, reserved: u32 });
export type Due = Infer<typeof Due>;
export const due = arrayMap("due", { value: Due, entries: 262144, mappable: true });

/** Where each CPU looks for the next free connection slot. Runtime. */
export const Allocator = struct("Allocator", { next: u32, started: u32 });
export type Allocator = Infer<typeof Allocator>;
export const allocator = perCpuArrayMap("allocator", { value: Allocator, entries: 1 });

/** The way from a virtual address to a client seen lately; `client` 0: none. Runtime. */
export const ClientHop = struct("ClientHop", { client: u32, virtual: u32, hop: NextHop });
export type ClientHop = Infer<typeof ClientHop>;
export const clientHops = perCpuArrayMap("client_hops", { value: ClientHop, entries: 4096 });

/** Bits of `Pressure.defence`: secure_tcp and drop_entry are on; slots of the connection table run out. */
export const DEFENCE_SECURE_TCP = 1;
export const DEFENCE_DROP_ENTRY = 2;
export const DEFENCE_SHORT = 4;

/** What all packets share: the time, and how it stands with the connection table. Runtime. */
export const Pressure = struct("Pressure", {
  /** Tick at which a new flow last found no room; 0 = never. Until long after, packets may belong to flows without state. */
  fullAt: u32,
  /** Makes the flow table's hash different from boot to boot, so that nobody can aim at a bucket. Set before the first packet. */
  seed: u32,
  /** The present tick, as of the last run of the timer. */
  now: u32,
  /** Tick at which a fragment was last kept until the first of its datagram comes. */
  heldAt: u32,
  /** DEFENCE_*: which defences are on. */
  defence: u32,
  /** Slots of the connection table that were taken in the sweeper's last circle. */
  taken: u32,
  /** One in so many packets that would open a connection is dropped; 0: none. */
  dropRate: u32,
  spare: u32,
});
export type Pressure = Infer<typeof Pressure>;
export const pressure = arrayMap("pressure", { value: Pressure, entries: 1, mappable: true });

/** An address and port of a real server. */
export const ServerKey = struct("ServerKey", { address: Address, port: u16be, protocol: u8, reserved: u8 });
export type ServerKey = Infer<typeof ServerKey>;
/** What a program needs beyond its stack, per CPU. Runtime. */
export const Scratch = struct("Scratch", {
  /** The ICMP errors sent in tick `answersAt`. */
  answersAt: u32,
  answers: u32,
  /** The next hop of a packet that belongs to no connection. */
  hop: NextHop,
  /** IPv6: the addresses of the flow that is being looked for. */
  source: Address,
  destination: Address,
  /** `Connection.control` of the connection about to be made. */
  control: u32,
  /** 1 + the slot of the connection that was made last, until its first packet has passed. */
  admitted: u32,
  /** Packets that would open connections, counted while some of them are dropped. */
  opening: u32,
  /** What admission decided about the packet in hand, if that was not a connection; 0 otherwise. */
  decision: u32,
  /** Whose packet `decision` is about: the source word, by exclusive or with the ports. */
  decided: u32,
  /** 1 + the slot of the connection that an ICMP error has just opened. */
  begun: u32,
  /** The ICMP error that the packet in hand is to be answered with: type × 256 + code (0: none), MTU, and IPv4 address that it comes from. */
  answer: u32,
  answerMtu: u32,
  answerFrom: u32,
  /** What is to be sent (fragment/send.ts): place, length, connection and destination. */
  place: u32,
  length: u32,
  connection: u32,
  slot: u32,
  /** A key that is looked up in `servers`. */
  server: ServerKey,
});
export type Scratch = Infer<typeof Scratch>;
export const scratch = perCpuArrayMap("scratch", { value: Scratch, entries: 1 });

export const ServerEntry = struct("ServerEntry", {
  virtual: Address,
  port: u16be,
  reserved: u16,
  destination: u32,
});
export type ServerEntry = Infer<typeof ServerEntry>;
/** Which service a server's port belongs to: translates replies of flows without state. Configuration (secondary). */
export const servers = hashMap("servers", { key: ServerKey, value: ServerEntry, entries: 65536 });

/** The programs of the datapath, all of the same source (programs.ts), between which packets are handed on. */
export const programs = programArray("programs", { entries: 8 });
export const PROGRAM_IPV4 = 0;
export const PROGRAM_IPV4_ADMISSION = 1;
export const PROGRAM_IPV6 = 2;
export const PROGRAM_IPV6_ADMISSION = 3;
export const PROGRAM_IPV4_OUTGOING = 4;
export const PROGRAM_IPV6_OUTGOING = 5;
export const PROGRAM_IPV4_ASIDE = 6;
export const PROGRAM_IPV6_ASIDE = 7;

/** The clock of the sweeper and the estimator: one timer that re-arms itself every tick. Runtime. */
export const Ticker = struct("Ticker", {
  timer,
  /** Next slot of `due` to sweep; ticks done. */
  position: u32,
  ticks: u32,
  /** Monotonic ns of the last round: a director whose clock stands still is seen. */
  lastRun: u64,
  /** Monotonic ns at which the estimator's present round began, and how long the one before took. */
  estimatedAt: u64,
  interval: u64,
  /** Next destination of the estimator's round. */
  estimatePosition: u32,
  /** Connections ended in the present run of the sweeper. */
  removed: u32,
  /** Taken slots that the sweeper has passed in its present circle. */
  taken: u32,
  spare: u32,
});
export type Ticker = Infer<typeof Ticker>;
export const ticker = arrayMap("ticker", { value: Ticker, entries: 1 });

/** The datagram that a fragment is part of. Of IPv6 the addresses are words; protocol: IPv4's, or KIND_IPV6. */
export const DatagramKey = struct("DatagramKey", {
  source: u32,
  destination: u32,
  identification: u32,
  protocol: u32,
});
export type DatagramKey = Infer<typeof DatagramKey>;

/** Values of `Datagram.way` besides FROM_CLIENT and FROM_SERVER: not ours; not to be forwarded. */
export const WAY_LEFT = 2;
export const WAY_DROPPED = 3;

/** What became of a datagram's first fragment, and so becomes of the others. Runtime. */
export const Datagram = struct("Datagram", {
  /** FROM_CLIENT, FROM_SERVER or WAY_*. */
  way: u32,
  /** Tick after which this is void. */
  until: u32,
  /** The connection's slot and state word (of which the generation counts), or NO_CONNECTION. */
  connection: u32,
  state: u32,
  /** Without a connection: the slot of the destination. */
  destination: u32,
  /** How many bytes of the datagram the first fragment had. */
  covered: u32,
  /** Without a connection, from a server: its key in `servers`. */
  server: ServerKey,
});
export type Datagram = Infer<typeof Datagram>;
export const datagrams = lruHashMap("datagrams", { key: DatagramKey, value: Datagram, entries: 8192 });

/** Values of `HeldFragment.owner`. */
export const HELD_FREE = 0;
export const HELD_CHANGING = 1;
export const HELD = 2;

/** The longest frame that can be held. */
export const HELD_FRAME = 2016;

/** A frame with a fragment that came before the first one of its datagram. Runtime. */
export const HeldFragment = struct("HeldFragment", {
  /** HELD_*: changed by compare-and-exchange. */
  owner: u32,
  /** Tick after which it is nobody's. */
  until: u32,
  key: DatagramKey,
  /** Bytes of the frame, and the interface it came in by. */
  length: u32,
  interface: u32,
  frame: bytes(HELD_FRAME),
});
export type HeldFragment = Infer<typeof HeldFragment>;

/** Places of held fragments: a datagram may take those of one bucket. */
export const HELD_BUCKETS = 16;
export const HELD_WAYS = 16;
export const heldFragments = arrayMap("held_fragments", {
  value: HeldFragment,
  entries: HELD_BUCKETS * HELD_WAYS,
});

/**
 * What lblc and lblcr remember of a destination address that clients' packets go to. Runtime. `run` is another with every start of
 * the service's scheduler, so that what it remembered before is void. Of IPv4 the address is the first word.
 */
export const LocalityKey = struct("LocalityKey", { service: u32, run: u32, address: Address });
export type LocalityKey = Infer<typeof LocalityKey>;

/**
 * lblc: the server (a word of schedule/server-word.ts; 0: none) and the tick at which it was last used. Writers may overwrite each other,
 * and the map may give the element to another key at any time: what is read here is a hint that is checked.
 */
export const Locality = struct("Locality", { server: u32, usedAt: u32 });
export type Locality = Infer<typeof Locality>;
export const localities = lruHashMap("localities", { key: LocalityKey, value: Locality, entries: 32768 });

/** Servers that lblcr remembers for an address, at most. */
export const LOCALITY_SERVERS = 32;

/** lblcr: the servers, oldest first, the tick at which their number last changed, and that of the last use. */
export const LocalitySet = struct("LocalitySet", {
  usedAt: u32,
  changedAt: u32,
  count: u32,
  reserved: u32,
  servers: array(u32, LOCALITY_SERVERS),
});
export type LocalitySet = Infer<typeof LocalitySet>;
export const localitySets = lruHashMap("locality_sets", {
  key: LocalityKey,
  value: LocalitySet,
  entries: 16384,
});
/** Per CPU: the set in hand, copied here to be searched and changed. */
export const setInHand = perCpuArrayMap("set_in_hand", { value: LocalitySet, entries: 1 });

/** What is read from a packet at once where all of it is summed up. */
export const WINDOW = 512;
export const Window = struct("Window", { bytes: bytes(WINDOW) });
export type Window = Infer<typeof Window>;
export const window = perCpuArrayMap("window", { value: Window, entries: 1 });

/**
 * The director's own addresses on an interface, by its index: ICMP errors of ours come from there. 0: it has none. Configuration.
 */
export const InterfaceAddresses = struct("InterfaceAddresses", { ipv6: Address, ipv4 });
export type InterfaceAddresses = Infer<typeof InterfaceAddresses>;
export const interfaceAddresses = hashMap("if_addresses", {
  key: u32,
  value: InterfaceAddresses,
  entries: 1024,
});

/** What a packet is cut into, where that is done here: bytes of a piece at most, and pieces. */
export const PIECE = 1536;
export const PIECES = 48;
export const Piece = struct("Piece", { bytes: bytes(PIECE) });
export type Piece = Infer<typeof Piece>;
/** Per CPU: the pieces of the packet in hand, but the first. */
export const pieces = perCpuArrayMap("pieces", { value: Piece, entries: PIECES });

/** Bits of `Proxied.told`: it is about a connection; how its server is told the client's address: TCP option, PROXY protocol. */
export const TOLD_KNOWN = 1;
export const TOLD_TOA = 2;
export const TOLD_PROXY = 4;
/** The server's first sequence number is known; the PROXY header has been sent; the server has acknowledged all of it. */
export const TOLD_ANSWERED = 8;
export const TOLD_SENT = 16;
export const TOLD_ACKNOWLEDGED = 32;

/**
 * How the server of a FullNAT connection is told its client's address, in the same slot as the connection. Runtime. It is of
 * that connection if the generation is that of the connection's state word.
 */
export const Proxied = struct("Proxied", {
  generation: u16,
  /** TOLD_*. */
  told: u16,
  /** The sequence numbers of the first byte that the client sends, and the server. */
  clientFirst: u32,
  serverFirst: u32,
});
export type Proxied = Infer<typeof Proxied>;
export const proxied = arrayMap("proxied", { value: Proxied, entries: 262144, mappable: true });

/** TCP options at most, and words of what a server is told: a PROXY header with IPv6 addresses. */
export const TCP_OPTIONS = 40;
export const TOLD_WORDS = 13;
/** Bytes that move when room is made in a super-packet: more than from its IP header to any place that room is made at. */
export const MOVED = 128;

/** The segment in hand: its options and what they were, what is inserted, what moves when room is made for it. Runtime. */
export const Segment = struct("Segment", {
  /** A little longer, so that an option that is cut off can be looked into. */
  options: bytes(TCP_OPTIONS + 4),
  before: bytes(TCP_OPTIONS + 4),
  told: array(u32be, TOLD_WORDS),
  moved: bytes(MOVED),
  behind: bytes(MOVED),
});
export type Segment = Infer<typeof Segment>;
export const segment = perCpuArrayMap("segment", { value: Segment, entries: 1 });

/** Bytes of a packet that are taken out of it for a moment: more than all its headers. */
export const SAVED = 96;
/** Per CPU: how the packet in hand is being cut. */
export const Cut = struct("Cut", {
  /** Where its payload begins in the frame, and how many bytes it, and a piece of it, has. */
  offset: u32,
  total: u32,
  size: u32,
  /** The interface that the pieces go out of, and the MTU that they must fit. */
  out: u32,
  mtu: u32,
  /** IPv4: the fragment field of the packet. */
  fragment: u32,
  isIpv6: u32,
  /** Segments: what the sender's flags were, and the length that the checksum's pseudo-header says. */
  flags: u32,
  said: u32,
  reserved: u32,
  saved: bytes(SAVED),
});
export type Cut = Infer<typeof Cut>;
export const cut = perCpuArrayMap("cut", { value: Cut, entries: 1 });
