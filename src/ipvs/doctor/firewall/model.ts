/** Rules of the host's firewall, as far as a doctor must understand them. What it does not understand it says nothing about. */

/** Where in the kernel a chain is looked at. */
export type Hook = "prerouting" | "input" | "forward" | "output" | "postrouting";

/** What becomes of a packet that a rule matches. */
export type Verdict =
  | { readonly kind: "accept" | "drop" | "return" }
  | { readonly kind: "jump" | "goto"; readonly chain: string }
  /** It goes on to the next rule: the rule counts, logs, marks… */
  | { readonly kind: "continue" }
  /** We cannot tell. */
  | { readonly kind: "unknown" };

/** An address and how many leading bits of it count. */
export interface Network {
  readonly address: string;
  readonly length: number;
}

export interface PortRange {
  readonly first: number;
  readonly last: number;
}

/** All that is asked must hold; null asks nothing. */
export interface FirewallRule {
  /** 4 or 6, of rules in tables for both. */
  readonly family: 4 | 6 | null;
  readonly sources: readonly Network[] | null;
  readonly destinations: readonly Network[] | null;
  /** "tcp", "udp", "icmp"…; any of them. */
  readonly protocols: readonly string[] | null;
  readonly sourcePorts: readonly PortRange[] | null;
  readonly destinationPorts: readonly PortRange[] | null;
  /** Any of these interfaces; names as they are, patterns end in "*". */
  readonly inputs: readonly string[] | null;
  /** States of connection tracking, lower case. */
  readonly states: readonly string[] | null;
  /** It asks for more than that: a rate, a set, the contrary of something… */
  readonly vague: boolean;
  readonly verdict: Verdict;
  /** The mark that it gives: (mark & ~mask) ^ value. */
  readonly mark: { readonly value: number; readonly mask: number } | null;
  /** Where it stands, for people. */
  readonly text: string;
}

export interface FirewallChain {
  /** With family and table, so that it is unique: "ip filter INPUT". */
  readonly id: string;
  readonly family: 4 | 6 | null;
  /** Null: only others jump to it. */
  readonly hook: Hook | null;
  readonly policy: "accept" | "drop";
  readonly rules: readonly FirewallRule[];
}

export interface Firewall {
  readonly chains: readonly FirewallChain[];
}

export const NO_FIREWALL: Firewall = { chains: [] };

/** A rule that asks nothing and does nothing. */
export const PLAIN_RULE: FirewallRule = {
  family: null,
  sources: null,
  destinations: null,
  protocols: null,
  sourcePorts: null,
  destinationPorts: null,
  inputs: null,
  states: null,
  vague: false,
  verdict: { kind: "continue" },
  mark: null,
  text: "",
};
