/**
 * Rules that give packets their firewall marks, as plain values: what `iptables -t mangle` says of the chain PREROUTING and of
 * chains that users make, for one family. Nothing here knows of text or of bytes.
 */
import type { Family } from "../model.ts";

/** Packets and bytes that came to a rule, or fell to a chain's policy. */
export interface RuleCounters {
  readonly packets: bigint;
  readonly bytes: bigint;
}

/** A packet's address is this one in the bits of the mask, in network order: 4 bytes of IPv4, 16 of IPv6. */
export interface AddressMatch {
  readonly negated: boolean;
  readonly address: Uint8Array;
  /** Need not be that of a prefix. */
  readonly mask: Uint8Array;
}

/** The interface that a packet came in by: this one, or (`isPrefix`: "eth+") those whose names begin so. */
export interface InterfaceMatch {
  readonly negated: boolean;
  /** At most 15 bytes; empty together with `isPrefix`: any. */
  readonly name: string;
  readonly isPrefix: boolean;
}

/** Both ends are in it. */
export interface PortRange {
  readonly first: number;
  readonly last: number;
}

export interface PortMatch extends PortRange {
  readonly negated: boolean;
}

/** Of a packet's TCP flags in `mask`, exactly those in `set` are set. */
export interface FlagsMatch {
  readonly negated: boolean;
  readonly mask: number;
  readonly set: number;
}

/** What a rule asks beyond addresses, interface and protocol. In the order in which the user wrote them. */
export type Match =
  | {
      readonly kind: "tcp";
      readonly source: PortMatch | null;
      readonly destination: PortMatch | null;
      readonly flags: FlagsMatch | null;
    }
  | {
      readonly kind: "udp" | "sctp";
      readonly source: PortMatch | null;
      readonly destination: PortMatch | null;
    }
  | {
      readonly kind: "multiport";
      readonly negated: boolean;
      /** "either": one of the packet's two ports. */
      readonly which: "source" | "destination" | "either";
      /** At most 15 ports, a range counts as two. */
      readonly ranges: readonly PortRange[];
    }
  | { readonly kind: "mark"; readonly negated: boolean; readonly value: number; readonly mask: number }
  /** Asks nothing. At most 255 bytes. */
  | { readonly kind: "comment"; readonly text: string }
  | {
      readonly kind: "set";
      readonly negated: boolean;
      readonly name: string;
      readonly directions: readonly ("src" | "dst")[];
    };

/** What becomes of a packet that a rule matches. */
export type Target =
  | { readonly kind: "accept" | "drop" | "return" }
  /** Every form of MARK: mark = (mark & ~`mask`) ^ `value`. */
  | { readonly kind: "mark"; readonly value: number; readonly mask: number }
  /** `isGoto`: RETURN from there goes back to where this chain was called from. */
  | { readonly kind: "jump"; readonly chain: string; readonly isGoto: boolean };

export interface Rule {
  readonly source: AddressMatch | null;
  readonly destination: AddressMatch | null;
  readonly input: InterfaceMatch | null;
  /** IP protocol number, 1…255. */
  readonly protocol: { readonly negated: boolean; readonly number: number } | null;
  /** IPv4 only, `-f`: second and further fragments. */
  readonly fragment: { readonly negated: boolean } | null;
  readonly matches: readonly Match[];
  /** Null: the rule counts. */
  readonly target: Target | null;
  readonly counters: RuleCounters;
}

/** The built-in chain that packets come to. */
export const PREROUTING = "PREROUTING";

export interface Chain {
  /** At most 28 bytes. */
  readonly name: string;
  /** Of the built-in chain; null of those that users make. */
  readonly policy: "accept" | "drop" | null;
  /** Of the policy. */
  readonly counters: RuleCounters;
  readonly rules: readonly Rule[];
}

/** All rules of a family: the built-in chain first, then those that users made, in the order of listings. */
export interface RuleSet {
  readonly family: Family;
  readonly chains: readonly Chain[];
}

export const NO_COUNTERS: RuleCounters = { packets: 0n, bytes: 0n };

/** What there is before the first rule. */
export function emptyRuleSet(family: Family): RuleSet {
  return { family, chains: [{ name: PREROUTING, policy: "accept", counters: NO_COUNTERS, rules: [] }] };
}
