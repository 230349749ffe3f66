/**
 * What would become of a packet, as plain values that can be written as JSON: `lvs explain --json` is this. New keys and steps may
 * come; those that are here stay.
 */
import type { ConnectionEntry, Endpoint, Family, ForwardingMethod, ServiceKey, Tunnel } from "../model.ts";

/** The packet that was asked about. */
export interface ExplainedPacket {
  readonly family: Family;
  /** "tcp", "udp", "sctp", "icmp", "ah", "esp", or a number. */
  readonly protocol: string;
  /** Port 0 where the protocol has none. */
  readonly source: Endpoint;
  readonly destination: Endpoint;
  /** Name of the interface that it comes in by; null: by none, as this host sends it itself. */
  readonly interface: string | null;
  readonly mark: number;
  /** TCP's, by name: ["SYN", "ACK"]; null of other protocols. */
  readonly flags: readonly string[] | null;
  /** Bytes of the IP packet. */
  readonly length: number;
}

/** A real server by its address, and how packets reach it. */
export interface ExplainedServer extends Endpoint {
  readonly method: ForwardingMethod;
  readonly tunnel: Tunnel | null;
}

/** A member of a pool as the scheduler saw it. */
export interface Candidate {
  readonly server: ExplainedServer;
  readonly weight: number;
  readonly active: number;
  readonly inactive: number;
  /** Why it could not be chosen; null: it could. */
  readonly excluded: "weight 0" | "overloaded" | "full" | "gone" | null;
  /**
   * What the scheduler compared of it: `load / divisor`, the least wins. Null: it did not come to it, or does not compare. wlc, lc,
   * lblc, lblcr, twos: active × 256 + inactive; sed, nq: active + 1; the divisor is the weight, or 1 (lc).
   */
  readonly compared: { readonly load: number; readonly divisor: number } | null;
  /** Of a scheduler that draws lots: how probable it is, 0…1; else null. */
  readonly chance: number | null;
  readonly chosen: boolean;
}

/** One thing that happens, in the order in which they do. */
export type Step =
  /** The datapath is, or is not, where the packet comes in. */
  | {
      readonly step: "interface";
      readonly name: string;
      readonly attached: boolean;
      /** Why not, if it is not attached. */
      readonly why: string | null;
    }
  /** This host sends it itself, by that interface (null: there is no way), so it does not come in where the datapath could meet it. */
  | { readonly step: "own-packet"; readonly interface: string | null }
  /** It is none of those that the datapath looks at. */
  | { readonly step: "not-balanced"; readonly why: string }
  /**
   * The rules that give marks. `matched`: the rules that it matched, in the order in which it came to them; `number` counts from 1 in
   * the chain; `text` as iptables -S has it. `policy`: it fell to the built-in chain's.
   */
  | {
      readonly step: "rules";
      readonly matched: readonly { readonly chain: string; readonly number: number; readonly text: string }[];
      readonly policy: "accept" | "drop" | null;
      readonly mark: number;
      readonly dropped: boolean;
    }
  /** The rules dropped the connection's first packet in that direction, and so this one. */
  | { readonly step: "rules-remembered"; readonly dropped: true }
  /** A control connection (FTP) has announced it: it goes to the server of that. */
  | { readonly step: "expected"; readonly server: ExplainedServer }
  /** It belongs to a connection. `after`: as it is once the packet has passed. */
  | {
      readonly step: "connection";
      readonly from: "client" | "server";
      readonly entry: ConnectionEntry;
      readonly after: ConnectionEntry | null;
    }
  /** There was a connection, which ends: another is made in its place, or the packet is treated as one of none. */
  | { readonly step: "connection-over"; readonly from: "client" | "server"; readonly entry: ConnectionEntry }
  /** It belongs to no connection and opens none. */
  | { readonly step: "opens-nothing"; readonly why: string }
  /** Nobody serves what it asks for. `services`: those that there are at its destination address. */
  | { readonly step: "no-service"; readonly services: readonly ServiceKey[] }
  | {
      readonly step: "service";
      readonly service: ServiceKey;
      readonly by: "mark" | "port" | "any-port" | "ftp-data";
      readonly scheduler: string;
      /** Seconds that a persistence template lives; null: the service is not persistent. */
      readonly persistence: number | null;
      readonly onePacket: boolean;
    }
  /** The sysctl drop_packet: this one is dropped. */
  | { readonly step: "defended"; readonly oneIn: number }
  /** The client's persistence template decides. `valid` false: it names a server that is gone or quiesced, and ends. */
  | {
      readonly step: "template";
      readonly valid: boolean;
      readonly entry: ConnectionEntry;
      readonly server: ExplainedServer;
    }
  | {
      readonly step: "schedule";
      /** The service's scheduler; "consistent-hash": the flow may be one that began when the connection table was full. */
      readonly scheduler: string;
      readonly candidates: readonly Candidate[];
      /** Null: none is usable. */
      readonly chosen: ExplainedServer | null;
      /** Whether lots are drawn: then `chosen` is an example, and candidates have chances. */
      readonly random: boolean;
      /** In words, with the numbers that are not about one server. */
      readonly how: string;
    }
  | { readonly step: "template-made"; readonly entry: ConnectionEntry }
  /** No server takes it. `bypass`: sysctl cache_bypass: it goes where it was going. */
  | { readonly step: "refused"; readonly bypass: boolean }
  | { readonly step: "connection-made"; readonly entry: ConnectionEntry }
  /** FullNAT: no local address and port is free (or there is none). */
  | { readonly step: "no-local-endpoint"; readonly server: ExplainedServer }
  /** It is forwarded without a connection: one-packet scheduling, or there is (or was) no room for one. */
  | { readonly step: "by-itself"; readonly server: ExplainedServer; readonly why: "one-packet" | "no-room" }
  /** A server's packet that belongs to no connection is taken for an answer of a flow without one. */
  | { readonly step: "stateless-reply"; readonly server: ExplainedServer }
  /** The connection's server has been removed. */
  | { readonly step: "server-gone"; readonly server: ExplainedServer; readonly entry: ConnectionEntry }
  /** What changes about it on the way. */
  | {
      readonly step: "rewrite";
      readonly method: ForwardingMethod | null;
      readonly before: { readonly source: Endpoint; readonly destination: Endpoint };
      readonly after: { readonly source: Endpoint; readonly destination: Endpoint };
      /** The packet that it goes in. Ports: of GUE. */
      readonly outer: {
        readonly type: "ipip" | "gue" | "gre";
        readonly source: Endpoint;
        readonly destination: Endpoint;
        readonly length: number;
      } | null;
    }
  | {
      readonly step: "next-hop";
      readonly interface: string;
      /**
       * "cached": as the last packet that way; "asked": the kernel is asked, which happens once a second, and knows the neighbour;
       * "to-be-resolved": the kernel would have to find out the neighbour's hardware address first.
       */
      readonly known: "cached" | "asked" | "to-be-resolved";
      /** The neighbour: its hardware address, and where known its IP address. */
      readonly mac: string | null;
      readonly neighbour: string | null;
      /** Bytes of the largest IP packet on that way; null: not known. */
      readonly mtu: number | null;
      /** Bytes of the packet on the wire, with what is put around it. */
      readonly length: number;
    };

/** How it ends. */
export type Verdict =
  /** It leaves by an interface; more than one: in fragments. */
  | { readonly kind: "sent"; readonly interface: string; readonly packets: number }
  /** The kernel's stack gets it. */
  | {
      readonly kind: "kernel";
      /** Whether it was translated before. */
      readonly changed: boolean;
      /**
       * What the kernel's routes say of its destination. "not forwarded": there is a way, but forwarding is off, so the host drops it;
       * "sent": it is the host's own, and leaves.
       */
      readonly fate: "delivered here" | "forwarded" | "not forwarded" | "sent" | "unreachable";
      readonly why: string;
    }
  | { readonly kind: "dropped"; readonly why: string }
  /** Its sender gets an ICMP error. `mtu`: of "too large". */
  | {
      readonly kind: "answered";
      readonly error: "port unreachable" | "host unreachable" | "time exceeded" | "too large" | "error";
      readonly why: string | null;
      readonly mtu: number | null;
      readonly interface: string;
    };

/** What of the tables would be changed. */
export interface Effects {
  /** The packet's connection afterwards. */
  readonly connection: ConnectionEntry | null;
  /** What is added to the server's counters; null: nothing is counted for any. */
  readonly counters: {
    readonly server: ExplainedServer;
    readonly connections: number;
    readonly inPackets: number;
    readonly inBytes: number;
    readonly outPackets: number;
    readonly outBytes: number;
  } | null;
}

export interface Explanation {
  readonly packet: ExplainedPacket;
  readonly steps: readonly Step[];
  readonly verdict: Verdict;
  readonly effects: Effects;
  /** The frame that would leave, or go up the stack changed, as hexadecimal digits; of several the last. Null: none does. */
  readonly frame: string | null;
  /**
   * What the verdict comes from. "kernel": the programs ran in the kernel, on a copy of the tables, and in the simulator, which tells the
   * steps. "simulator": there only, as in the kernel copies of the packet would have been sent (fragments), or nothing is attached.
   */
  readonly ran: "kernel" | "simulator" | "nothing";
  /** Where kernel and simulator do not agree: always empty, or there is a bug. */
  readonly disagreement: readonly string[];
}
