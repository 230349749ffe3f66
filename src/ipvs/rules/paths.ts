/** The ways that packets can take through the chains of a rule set. */
import { LONGEST_WALK } from "../../kernel/rules/walk.ts";
import { Links, MOST_LINKS } from "./links.ts";
import { type Chain, PREROUTING, type RuleSet } from "./model.ts";
import { refusal } from "./refusal.ts";

/** What can happen to packets: whether rules may drop them. */
export interface Reach {
  readonly drops: boolean;
}

/**
 * Follows all ways from the built-in chain. `elementsOf`: of how many elements each rule of a chain is. Throws IpvsError EINVAL: chains
 * that form a loop, that are too deep, or ways that are too long.
 */
export function examine(set: RuleSet, elementsOf: (chain: Chain) => readonly number[]): Reach {
  const links = new Links(set);
  const order = links.order();
  if ("loop" in order) throw refusal(`chains form a loop: ${order.loop.join(" -> ")}`);
  if (!links.areSound)
    throw refusal(`chains lead more than ${MOST_LINKS} deep: so many jumps and gotos may follow one another`);
  const chains = new Map(set.chains.map((chain) => [chain.name, chain]));
  /** Elements on the longest way through a chain, each end of a chain being one. */
  const lengths = new Map<string, number>();
  for (const name of order.names.toReversed()) {
    const chain = chains.get(name)!;
    const elements = elementsOf(chain);
    let length = 1;
    for (const [index, { target }] of chain.rules.entries()) {
      length += elements[index]!;
      if (target?.kind === "jump") length += lengths.get(target.chain)!;
    }
    lengths.set(name, length);
  }
  const length = lengths.get(PREROUTING)!;
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
