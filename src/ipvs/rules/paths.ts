/** The ways that packets can take through the chains of a rule set. */
import { LONGEST_WALK } from "../../kernel/rules/walk.ts";
import { RULE_DEPTH } from "../../kernel/tables.ts";
import { type Chain, PREROUTING, type RuleSet } from "./model.ts";
import { refusal } from "./refusal.ts";

interface Paths {
  /** Elements on the longest way, each end of a chain being one. */
  readonly length: number;
  /** Chains that are waiting for another to end, at most. */
  readonly depth: number;
}

/** What can happen to packets: whether rules may drop them. */
export interface Reach {
  readonly drops: boolean;
}

/**
 * Follows all ways from the built-in chain. `elementsOf`: of how many elements each rule of a chain is. Throws IpvsError EINVAL: chains
 * that form a loop, calls that are too deep, or ways that are too long.
 */
export function examine(set: RuleSet, elementsOf: (chain: Chain) => readonly number[]): Reach {
  const chains = new Map(set.chains.map((chain) => [chain.name, chain]));
  const known = new Map<string, Paths>();
  const way: string[] = [];

  const follow = (chain: Chain): Paths => {
    const found = known.get(chain.name);
    if (found !== undefined) return found;
    if (way.includes(chain.name)) {
      const loop = [...way.slice(way.indexOf(chain.name)), chain.name];
      throw refusal(`chains form a loop: ${loop.join(" -> ")}`);
    }
    way.push(chain.name);
    const elements = elementsOf(chain);
    let length = 1;
    let depth = 0;
    for (const [index, { target }] of chain.rules.entries()) {
      length += elements[index]!;
      if (target?.kind !== "jump") continue;
      const inner = follow(chains.get(target.chain)!);
      length += inner.length;
      depth = Math.max(depth, inner.depth + (target.isGoto ? 0 : 1));
    }
    way.pop();
    const paths = { length, depth };
    known.set(chain.name, paths);
    return paths;
  };

  for (const chain of set.chains.slice(1)) follow(chain);
  const { length, depth } = follow(chains.get(PREROUTING)!);
  if (depth > RULE_DEPTH)
    throw refusal(`chains call each other ${depth} deep: at most ${RULE_DEPTH} may wait for another`);
  if (length > LONGEST_WALK)
    throw refusal(
      `a packet might meet ${length} rules on its way through the chains: at most ${LONGEST_WALK}`,
    );
  return { drops: mayDrop(set, chains) };
}

function mayDrop(set: RuleSet, chains: ReadonlyMap<string, Chain>): boolean {
  if (set.chains[0]!.policy === "drop") return true;
  const reached = new Set([set.chains[0]!]);
  for (const chain of reached) {
    for (const { target } of chain.rules) {
      if (target?.kind === "drop") return true;
      if (target?.kind === "jump") reached.add(chains.get(target.chain)!);
    }
  }
  return false;
}
