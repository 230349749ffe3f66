/** The tables of rules, in which the administration writes. */
import {
  ACTION_DROP,
  BLOCKS_A_TEXT,
  COUNTERS_A_FAMILY,
  EXTRAS_A_SET,
  RULES_A_SET,
  RuleElement,
  RuleExtra,
  ruleCounts,
  ruleElements,
  ruleExtras,
  ruleSets,
  ruleTexts,
  TEXT_BLOCK,
} from "../../kernel/tables.ts";
import { ArrayMemory } from "../memory/column.ts";
import type { Family } from "../model.ts";
import type { Plane } from "../plane.ts";
import type { CompiledRules } from "./compile.ts";
import type { RuleCounters } from "./model.ts";
import { noRoom } from "./refusal.ts";

/** Bytes of the longest document. */
const LONGEST_DOCUMENT = BLOCKS_A_TEXT * TEXT_BLOCK;

/** Throws IpvsError ENOSPC for a document that is too long. */
export function checkDocument({ length }: Uint8Array): void {
  if (length > LONGEST_DOCUMENT)
    throw noRoom(`there is no room for rules of ${length} bytes: at most ${LONGEST_DOCUMENT}`);
}

/** Whether there are tables of rules. */
export function hasRuleTables(plane: Plane): boolean {
  return plane.exists(ruleSets);
}

/** What is known of the set that is in use without reading it. */
export interface SetFacts {
  /** Whether there is anything in it that could do anything to a packet. */
  readonly isTrivial: boolean;
  readonly drops: boolean;
}

/** The rules of one family. Making it makes the tables. */
export class RuleMemory {
  readonly #plane: Plane;
  readonly #family: number;
  readonly #sets: ArrayMemory;

  constructor(plane: Plane, family: Family) {
    this.#plane = plane;
    this.#family = family === 6 ? 1 : 0;
    this.#sets = new ArrayMemory(plane, ruleSets);
  }

  /** How many sets were published so far; 0: none. */
  get generation(): number {
    return this.#sets.column("generation").get(this.#family);
  }

  facts(): SetFacts {
    const { generation } = this;
    const field = (name: string) => this.#placeColumn(generation & 1, name).get(this.#family);
    if (generation === 0) return { isTrivial: true, drops: false };
    const isTrivial = field("start") === field("end") && field("policy") !== ACTION_DROP;
    return { isTrivial, drops: field("drops") !== 0 };
  }

  /** The document of the set that is in use; null: there is none. */
  document(): Uint8Array | null {
    const { generation } = this;
    if (generation === 0) return null;
    const length = this.#placeColumn(generation & 1, "textLength").get(this.#family);
    const start = this.#place(generation) * LONGEST_DOCUMENT;
    return new Uint8Array(this.#plane.map(ruleTexts).memory()).slice(start, start + length);
  }

  /** Puts a set in place of the one in use: built aside, then one store. Throws IpvsError ENOSPC before anything is written. */
  publish(rules: CompiledRules, policyCounter: number, document: Uint8Array): void {
    checkDocument(document);
    const generation = (this.generation + 1) >>> 0 || 2;
    const place = this.#place(generation);
    this.#fill(ruleElements, place * RULES_A_SET * RuleElement.size, rules.elements);
    this.#fill(ruleExtras, place * EXTRAS_A_SET * RuleExtra.size, rules.extras);
    this.#fill(ruleTexts, place * LONGEST_DOCUMENT, document);
    const values = {
      ...{ start: rules.start, end: rules.end, policy: rules.policy, counter: policyCounter },
      ...{ drops: rules.drops ? 1 : 0, textLength: document.length },
    };
    for (const [name, value] of Object.entries(values))
      this.#placeColumn(generation & 1, name).set(this.#family, value);
    this.#sets.column("generation").set(this.#family, generation);
  }

  /** What a counter has counted, on all CPUs. */
  counted(slot: number): RuleCounters {
    const handle = this.#plane.map(ruleCounts);
    const key = new Uint8Array(Uint32Array.of(this.#family * COUNTERS_A_FAMILY + slot).buffer);
    const value = handle.lookup(key)!;
    const view = new DataView(value.buffer, value.byteOffset);
    let packets = 0n;
    let bytes = 0n;
    for (let at = 0; at < value.length; at += handle.stride) {
      packets += view.getBigUint64(at, true);
      bytes += view.getBigUint64(at + 8, true);
    }
    return { packets, bytes };
  }

  #place(generation: number): number {
    return this.#family * 2 + (generation & 1);
  }

  #placeColumn(half: number, name: string) {
    return this.#sets.column("places", half, name);
  }

  #fill(
    definition: typeof ruleElements | typeof ruleExtras | typeof ruleTexts,
    start: number,
    bytes: Uint8Array,
  ) {
    this.#plane.beforeStore?.();
    new Uint8Array(this.#plane.map(definition).memory()).set(bytes, start);
  }
}
