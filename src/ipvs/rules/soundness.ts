import { type Chain, PREROUTING, type Rule, type RuleSet } from "./model.ts";
import { isAny } from "./text/parse-addresses.ts";

/** How many chains deep packets can be. */
const DEEPEST = 15;

/** Why a rule could never hold, in the system's words; null if it can. */
export function unsoundRule({ source, destination, protocol, matches, target }: Rule): string | null {
  const asksNothing = [source, destination].some((match) => match?.negated && isAny(match));
  const numbers = { tcp: 6, udp: 17, sctp: 132 };
  const lacksProtocol = matches.some(
    ({ kind }) =>
      (kind === "tcp" || kind === "udp" || kind === "sctp") &&
      (protocol === null || protocol.negated || protocol.number !== numbers[kind]),
  );
  if (asksNothing || lacksProtocol) return "Invalid argument";
  return target?.kind === "jump" && BUILT_IN.has(target.chain) ? "Operation not supported" : null;
}

const BUILT_IN = new Set([PREROUTING, "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"]);

/** Whether chains lead round in circles, or packets deeper than they can go. */
export function hasLoop({ chains }: RuleSet): boolean {
  const below = new Map(chains.map((chain) => [chain.name, jumps(chain)]));
  const callers = new Map(chains.map(({ name }) => [name, 0]));
  for (const names of below.values())
    for (const name of names) callers.set(name, (callers.get(name) ?? 0) + 1);
  // From chains that no others lead to, down; what is left in the end is a loop, or behind one.
  const ready = chains.map(({ name }) => name).filter((name) => callers.get(name) === 0);
  const depths = new Map([[PREROUTING, 0]]);
  for (const name of ready) {
    const depth = depths.get(name);
    for (const next of below.get(name) ?? []) {
      if (depth !== undefined) depths.set(next, Math.max(depths.get(next) ?? 0, depth + 1));
      const left = callers.get(next)! - 1;
      callers.set(next, left);
      if (left === 0) ready.push(next);
    }
  }
  return ready.length < callers.size || Math.max(...depths.values()) > DEEPEST;
}

/** The chains that a chain's rules lead to, each once. */
function jumps({ rules }: Chain): readonly string[] {
  const names = rules.flatMap(({ target }) => (target?.kind === "jump" ? [target.chain] : []));
  return [...new Set(names)];
}

/** How many rules lead to a chain. */
export function references({ chains }: RuleSet, name: string): number {
  let count = 0;
  for (const { rules } of chains) {
    for (const { target } of rules) if (target?.kind === "jump" && target.chain === name) count++;
  }
  return count;
}
