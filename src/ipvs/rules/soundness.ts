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

/** Whether packets could go round in circles, or deeper than can be. Chains that none come to do not count. */
export function hasLoop({ chains }: RuleSet): boolean {
  const byName = new Map(chains.map((chain) => [chain.name, chain]));
  const depths = new Map<Chain, number>();
  const depth = (chain: Chain, above: readonly Chain[]): number => {
    if (above.includes(chain) || above.length > DEEPEST) return Number.POSITIVE_INFINITY;
    const known = depths.get(chain);
    if (known !== undefined) return known;
    const below = jumps(chain).flatMap((name) => byName.get(name) ?? []);
    const deepest = Math.max(0, ...below.map((next) => 1 + depth(next, [...above, chain])));
    depths.set(chain, deepest);
    return deepest;
  };
  const first = byName.get(PREROUTING);
  return first !== undefined && depth(first, []) > DEEPEST;
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
