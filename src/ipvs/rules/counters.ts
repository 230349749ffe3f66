/** Which rule counts where. */
import { COUNTERS_A_FAMILY } from "../../kernel/tables.ts";
import type { CounterBase, RuleDocument } from "./document.ts";
import type { Chain, Rule, RuleCounters, RuleSet } from "./model.ts";
import { noRoom } from "./refusal.ts";

/**
 * Gives all rules of a set, and the built-in chain's policy, counters. `known`: those of the set that holds, by the objects that their counts were
 * handed out as: whoever still has one goes on counting there. All others get a counter that nobody uses and begin with what they have.
 * Throws IpvsError ENOSPC.
 */
export function placeCounters(
  set: RuleSet,
  known: ReadonlyMap<RuleCounters, CounterBase>,
  counted: (slot: number) => RuleCounters,
): RuleDocument["bases"] {
  const inUse = new Set([...known.values()].map(({ slot }) => slot));
  const kept = new Set<RuleCounters>();
  const bases = new Map<Rule | Chain, CounterBase>();
  let next = 0;
  const place = (owner: Rule | Chain): void => {
    const { counters } = owner;
    const present = known.get(counters);
    if (present !== undefined && !kept.has(counters)) {
      kept.add(counters);
      bases.set(owner, present);
      return;
    }
    while (inUse.has(next)) next += 1;
    if (next >= COUNTERS_A_FAMILY)
      throw noRoom(`there is no room for so many rules: counters of ${COUNTERS_A_FAMILY} are in use`);
    const before = counted(next);
    const packets = counters.packets - before.packets;
    const bytes = counters.bytes - before.bytes;
    bases.set(owner, { slot: next, packets, bytes });
    next += 1;
  };
  place(set.chains[0]!);
  for (const chain of set.chains) for (const rule of chain.rules) place(rule);
  return bases;
}
