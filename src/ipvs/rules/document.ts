/**
 * A rule set as it is kept beside what the datapath evaluates, which does not tell names, comments and order: compressed JSON. With each
 * rule goes the number of its counter, and what is to be added to what that has counted.
 */
import { deflateRawSync, inflateRawSync } from "node:zlib";
import type { Family } from "../model.ts";
import type {
  AddressMatch,
  Chain,
  InterfaceMatch,
  Match,
  Rule,
  RuleCounters,
  RuleSet,
  Target,
} from "./model.ts";

/** Where a counter counts from: shown is what the datapath counted in slot `slot`, plus `packets` and `bytes` (which may be negative). */
export interface CounterBase extends RuleCounters {
  readonly slot: number;
}

/** A rule set and, for all rules and for the chains' policies, where they count. */
export interface RuleDocument {
  readonly set: RuleSet;
  readonly bases: ReadonlyMap<Rule | Chain, CounterBase>;
}

type Base = readonly [slot: number, packets: string, bytes: string];
type Address = readonly [negated: boolean, address: string, mask: string];
interface PlainRule {
  readonly s?: Address;
  readonly d?: Address;
  readonly i?: InterfaceMatch;
  readonly p?: NonNullable<Rule["protocol"]>;
  readonly f?: NonNullable<Rule["fragment"]>;
  readonly m?: readonly Match[];
  readonly t?: Target;
  readonly c: Base;
}
interface PlainChain {
  readonly name: string;
  readonly policy: Chain["policy"];
  readonly c?: Base;
  readonly rules: readonly PlainRule[];
}

/** Bytes of a document. */
export function encodeDocument({ set, bases }: RuleDocument): Uint8Array {
  const chains = set.chains.map((chain): PlainChain => {
    const base = bases.get(chain);
    const rules = chain.rules.map((rule) => plainRule(rule, bases.get(rule)!));
    return { name: chain.name, policy: chain.policy, ...(base ? { c: plainBase(base) } : {}), rules };
  });
  return deflateRawSync(JSON.stringify(chains), { level: 1 });
}

/** Throws if they are not those of a document. Counters of the set are those of the bases. */
export function decodeDocument(family: Family, bytes: Uint8Array): RuleDocument {
  const plain = JSON.parse(inflateRawSync(bytes).toString("utf8")) as readonly PlainChain[];
  const bases = new Map<Rule | Chain, CounterBase>();
  const chains = plain.map(({ name, policy, c, rules }): Chain => {
    const base = c === undefined ? null : baseOf(c);
    const counters = { packets: base?.packets ?? 0n, bytes: base?.bytes ?? 0n };
    const chain = { name, policy, counters, rules: rules.map((each) => ruleOf(each, bases)) };
    if (base !== null) bases.set(chain, base);
    return chain;
  });
  return { set: { family, chains }, bases };
}

function plainRule(rule: Rule, base: CounterBase): PlainRule {
  const { source, destination, input, protocol, fragment, matches, target } = rule;
  return {
    ...(source === null ? {} : { s: plainAddress(source) }),
    ...(destination === null ? {} : { d: plainAddress(destination) }),
    ...(input === null ? {} : { i: input }),
    ...(protocol === null ? {} : { p: protocol }),
    ...(fragment === null ? {} : { f: fragment }),
    ...(matches.length === 0 ? {} : { m: matches }),
    ...(target === null ? {} : { t: target }),
    c: plainBase(base),
  };
}

function ruleOf(plain: PlainRule, bases: Map<Rule | Chain, CounterBase>): Rule {
  const base = baseOf(plain.c);
  const rule: Rule = {
    source: plain.s === undefined ? null : addressOf(plain.s),
    destination: plain.d === undefined ? null : addressOf(plain.d),
    input: plain.i ?? null,
    protocol: plain.p ?? null,
    fragment: plain.f ?? null,
    matches: plain.m ?? [],
    target: plain.t ?? null,
    counters: { packets: base.packets, bytes: base.bytes },
  };
  bases.set(rule, base);
  return rule;
}

function plainBase({ slot, packets, bytes }: CounterBase): Base {
  return [slot, String(packets), String(bytes)];
}

function baseOf([slot, packets, bytes]: Base): CounterBase {
  return { slot, packets: BigInt(packets), bytes: BigInt(bytes) };
}

function plainAddress({ negated, address, mask }: AddressMatch): Address {
  return [negated, Buffer.from(address).toString("hex"), Buffer.from(mask).toString("hex")];
}

function addressOf([negated, address, mask]: Address): AddressMatch {
  return { negated, address: bytesOf(address), mask: bytesOf(mask) };
}

function bytesOf(hex: string): Uint8Array {
  return Uint8Array.from(Buffer.from(hex, "hex"));
}
