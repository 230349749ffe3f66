/** Which rule counts where. */
import { COUNTERS_A_FAMILY } from "../../kernel/tables.ts";
import type { CounterBase, RuleDocument } from "./document.ts";
import type { Chain, Rule, RuleCounters, RuleSet } from "./model.ts";
import { noRoom } from "./refusal.ts";

/** The counters of a set: each rule's, and that of the built-in chain's policy. */
export interface PlacedCounters {
  readonly slotOf: (owner: Rule | Chain) => number;
  /** Where all count from, given what slots have counted so far. Reads those of rules that are new. */
  readonly bases: (counted: (slot: number) => RuleCounters) => RuleDocument["bases"];
}

/**
 * Gives all rules of a set counters. `known`: those of the set that holds, by the objects that their counts were handed out as: whoever still has
 * one goes on counting there. All others get a counter that nobody uses, and begin with what they have. Throws IpvsError ENOSPC.
 */
export function placeCounters(set: RuleSet, known: ReadonlyMap<RuleCounters, CounterBase>): PlacedCounters {
  const inUse = new Set([...known.values()].map(({ slot }) => slot));
  const kept = new Map<Rule | Chain, CounterBase>();
  const slots = new Map<Rule | Chain, number>();
  const taken = new Set<RuleCounters>();
  let next = 0;
  const place = (owner: Rule | Chain): void => {
    const { counters } = owner;
    const present = known.get(counters);
    if (present !== undefined && !taken.has(counters)) {
      taken.add(counters);
      kept.set(owner, present);
      slots.set(owner, present.slot);
      return;
    }
    while (inUse.has(next)) next += 1;
    if (next >= COUNTERS_A_FAMILY)
      throw noRoom(`there is no room for so many rules: counters of ${COUNTERS_A_FAMILY} are in use`);
    slots.set(owner, next);
    next += 1;
  };
  place(set.chains[0]!);
  for (const chain of set.chains) for (const rule of chain.rules) place(rule);
  const fresh = (owner: Rule | Chain, slot: number, { packets, bytes }: RuleCounters): CounterBase => ({
    slot,
    packets: owner.counters.packets - packets,
    bytes: owner.counters.bytes - bytes,
  });
  return {
    slotOf: (owner) => slots.get(owner)!,
    bases: (counted) =>
      new Map(
        [...slots].map(([owner, slot]) => [owner, kept.get(owner) ?? fresh(owner, slot, counted(slot))]),
      ),
  };
}
