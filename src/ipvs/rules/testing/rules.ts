/** Rules for tests, and a simulated director that they are given to. */

import { encode, type Machine } from "../../../bpf/index.ts";
import { interfaceNames, RuleWords } from "../../../kernel/tables.ts";
import type { TestDirector } from "../../../kernel/testing/director.ts";
import { parsePrefix } from "../../../net/index.ts";
import type { Plane } from "../../plane.ts";
import { nameWords } from "../elements.ts";
import { type AddressMatch, type Chain, NO_COUNTERS, PREROUTING, type Rule, type RuleSet } from "../model.ts";
import { TableRules } from "../table-rules.ts";

/** A rule that asks for nothing and does nothing but what is said. Its counters are its own. */
export function rule(settings: Partial<Rule> = {}): Rule {
  return {
    ...{ source: null, destination: null, input: null, protocol: null, fragment: null },
    ...{ matches: [], target: null, counters: NO_COUNTERS, ...settings },
  };
}

export const protocol = (number: number): Rule["protocol"] => ({ negated: false, number });

/** "10.0.0.0/8". */
export function within(text: string, negated = false): AddressMatch {
  const { address, length } = parsePrefix(text)!;
  const mask = address.map((_, index) => 0xff & (0xff00 >> Math.min(8, Math.max(0, length - 8 * index))));
  return { negated, address, mask };
}

/** The destination port of TCP segments. */
export function toPort(port: number): Pick<Rule, "protocol" | "matches"> {
  const destination = { negated: false, first: port, last: port };
  return { protocol: protocol(6), matches: [{ kind: "tcp", source: null, destination, flags: null }] };
}

export const mark = (value: number): Rule["target"] => ({ kind: "mark", value, mask: 0xffffffff });
export const jump = (chain: string): Rule["target"] => ({ kind: "jump", chain, isGoto: false });
export const goTo = (chain: string): Rule["target"] => ({ kind: "jump", chain, isGoto: true });
export const ACCEPT: Rule["target"] = { kind: "accept" };
export const DROP: Rule["target"] = { kind: "drop" };
export const RETURN: Rule["target"] = { kind: "return" };

/** A set of these rules in the built-in chain, and other chains by name. */
export function ruleSet(
  rules: readonly Rule[],
  others: Readonly<Record<string, readonly Rule[]>> = {},
  settings: Partial<Pick<Chain, "policy">> & Partial<Pick<RuleSet, "family">> = {},
): RuleSet {
  const { policy = "accept", family = 4 } = settings;
  const chains = Object.entries(others).map(
    ([name, list]): Chain => ({ name, policy: null, counters: NO_COUNTERS, rules: list }),
  );
  return { family, chains: [{ name: PREROUTING, policy, counters: NO_COUNTERS, rules }, ...chains] };
}

/** Where a machine's rules are. */
export function planeOf(machine: Machine): Plane {
  const none = () => {
    throw new Error("rules ask for no addresses");
  };
  return {
    map: (definition) => machine.map(definition),
    exists: () => true,
    prepare: () => {},
    settle: () => {},
    isUnicast: none,
    isLocalAddress: none,
    sourceTowards: none,
    monotonicTime: () => machine.clock.now,
  };
}

/** The rules of a simulated director. */
export function rulesOf(director: TestDirector): TableRules {
  return new TableRules(planeOf(director.machine));
}

/** Gives an interface a name. */
export function nameInterface({ machine }: TestDirector, index: number, name: string): void {
  const key = new Uint8Array(Uint32Array.of(index).buffer);
  machine.map(interfaceNames).update(key, encode(RuleWords, { words: nameWords(Buffer.from(name)) }));
}
