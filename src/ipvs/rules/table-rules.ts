import { Draft } from "../configuration/draft.ts";
import { DirectorMemory } from "../memory/director-memory.ts";
import type { Family } from "../model.ts";
import type { Needs, Plane } from "../plane.ts";
import { needsOfServices } from "../writing/needs.ts";
import { repair } from "../writing/repair.ts";
import type { RuleAdministration } from "./administration.ts";
import { compileRules } from "./compile.ts";
import { placeCounters } from "./counters.ts";
import { type CounterBase, decodeDocument, encodeDocument } from "./document.ts";
import { checkDocument, hasRuleTables, RuleMemory } from "./memory.ts";
import {
  type Chain,
  emptyRuleSet,
  NO_COUNTERS,
  type Rule,
  type RuleCounters,
  type RuleSet,
} from "./model.ts";
import { needsOfRules, needsOfSet } from "./needs.ts";
import { validate } from "./validate.ts";

/** The rules of a plane. For one user at a time. */
export class TableRules implements RuleAdministration {
  readonly #plane: Plane;

  constructor(plane: Plane) {
    this.#plane = plane;
  }

  ruleSet(family: Family): RuleSet {
    return this.#read(family).set;
  }

  change(family: Family, change: (present: RuleSet) => RuleSet): void {
    // What the last change unpublished is written to, and its counters are given out.
    this.#plane.settle();
    const { set: present, known } = this.#read(family);
    const wanted = change(present);
    if (wanted === present) return;
    const { set, counters, rules } = prepare(wanted, known);
    const isTrivial = rules.start === rules.end && set.chains[0]!.policy !== "drop";
    const own = needsOfSet(family, { isTrivial, drops: rules.drops });
    this.#plane.prepare(own, () => this.#needsWith(family, own));
    const memory = new RuleMemory(this.#plane, family);
    const bases = counters.bases((slot) => memory.counted(slot));
    memory.publish(rules, counters.slotOf(set.chains[0]!), encodeDocument({ set, bases }));
  }

  close(): void {}

  /** The set that holds, and by the objects that it gives counts as, where they come from. */
  #read(family: Family): {
    readonly set: RuleSet;
    readonly known: ReadonlyMap<RuleCounters, CounterBase>;
  } {
    const document = hasRuleTables(this.#plane) ? new RuleMemory(this.#plane, family).document() : null;
    if (document === null) return { set: emptyRuleSet(family), known: new Map() };
    const memory = new RuleMemory(this.#plane, family);
    const { set, bases } = decodeDocument(family, document);
    const known = new Map<RuleCounters, CounterBase>();
    const counted = <T extends Rule | Chain>(owner: T): T => {
      const base = bases.get(owner);
      if (base === undefined) return owner;
      const more = memory.counted(base.slot);
      const counters = { packets: base.packets + more.packets, bytes: base.bytes + more.bytes };
      known.set(counters, base);
      return { ...owner, counters };
    };
    const chains = set.chains.map((chain) => ({
      ...counted(chain),
      rules: chain.rules.map((rule) => counted(rule)),
    }));
    return { set: { family, chains }, known };
  }

  /** What programs must do for all services, and all rules with those of a family as they will be. */
  #needsWith(family: Family, own: Needs): Needs {
    const memory = new DirectorMemory(this.#plane);
    repair(memory);
    const others = needsOfRules(this.#plane, family);
    return new Set([...needsOfServices(new Draft(memory)), ...others, ...own]);
  }
}

/**
 * Whether a set could be put in place of none: all of what {@link TableRules.change} does with it, but for publishing it. Throws IpvsError
 * EINVAL: it cannot be carried out; ENOSPC: it is too large.
 */
export function checkRules(wanted: RuleSet): void {
  const { set, counters } = prepare(wanted, new Map());
  checkDocument(encodeDocument({ set, bases: counters.bases(() => NO_COUNTERS) }));
}

function prepare({ family, chains }: RuleSet, known: ReadonlyMap<RuleCounters, CounterBase>) {
  const set: RuleSet = { family, chains: chains.map(withOwnRules) };
  validate(set);
  const counters = placeCounters(set, known);
  return { set, counters, rules: compileRules(set, counters.slotOf) };
}

/** How many rules there are in all chains of a family. */
export function countRules(plane: Plane, family: Family): number {
  const document = hasRuleTables(plane) ? new RuleMemory(plane, family).document() : null;
  if (document === null) return 0;
  const { chains } = decodeDocument(family, document).set;
  return chains.reduce((sum, { rules }) => sum + rules.length, 0);
}

/** A chain whose rules are objects of its own, as one rule may stand in several places. */
function withOwnRules(chain: Chain): Chain {
  return { ...chain, rules: chain.rules.map((rule) => ({ ...rule })) };
}

/** Whether a set is as if there never was one. */
export function isEmpty({ chains }: RuleSet): boolean {
  const [builtin] = chains;
  if (chains.length !== 1 || builtin === undefined) return false;
  const { packets, bytes } = builtin.counters;
  const hasCounted = packets !== NO_COUNTERS.packets || bytes !== NO_COUNTERS.bytes;
  return builtin.policy === "accept" && builtin.rules.length === 0 && !hasCounted;
}
