/**
 * Dead stores to the stack: a store whose bytes are all overwritten, or never looked at, before the function ends.
 * Zeroes that `make(…)` wrote under fields set right after go away; padding that a helper reads stays written.
 */
import type { BlockId, Instruction } from "../../../ir.ts";
import { blockOf, type Graph, reversePostorder, successorsOf } from "../graph.ts";
import { operandsOf } from "../operands.ts";
import { Aliases, type Place } from "./alias.ts";

/** For each slot, a bit for each byte that someone may still read. */
type Wanted = Map<number, bigint>;

/** In SSA form. True if anything changed. */
export function removeDeadStores(graph: Graph): boolean {
  const aliases = new Aliases(graph);
  const order = reversePostorder(graph).reverse();
  const atStart = new Map<BlockId, Wanted>();
  const atEndOf = (id: BlockId): Wanted => {
    const wanted: Wanted = new Map();
    for (const successor of successorsOf(blockOf(graph, id).terminator)) {
      for (const [slot, bytes] of atStart.get(successor) ?? []) {
        wanted.set(slot, (wanted.get(slot) ?? 0n) | bytes);
      }
    }
    return wanted;
  };
  for (let changed = true; changed; ) {
    changed = false;
    for (const id of order) {
      const wanted = atEndOf(id);
      const { instructions } = blockOf(graph, id);
      for (let index = instructions.length - 1; index >= 0; index--) {
        before(graph, aliases, instructions[index]!, wanted);
      }
      if (equal(atStart.get(id), wanted)) continue;
      atStart.set(id, wanted);
      changed = true;
    }
  }
  let removed = false;
  for (const id of order) {
    const wanted = atEndOf(id);
    const block = blockOf(graph, id);
    const kept: Instruction[] = [];
    for (let index = block.instructions.length - 1; index >= 0; index--) {
      const instruction = block.instructions[index]!;
      if (isDead(aliases, instruction, wanted)) {
        removed = true;
        continue;
      }
      before(graph, aliases, instruction, wanted);
      kept.push(instruction);
    }
    block.instructions = kept.reverse();
  }
  return removed;
}

function isDead(aliases: Aliases, instruction: Instruction, wanted: Wanted): boolean {
  if (instruction.op !== "store") return false;
  const place = aliases.placeOf(instruction);
  if (place.region.kind !== "slot" || place.root !== undefined) return false;
  return ((wanted.get(place.region.slot) ?? 0n) & mask(place)) === 0n;
}

function mask({ offset, size }: Place): bigint {
  return offset < 0 ? 0n : ((1n << BigInt(size)) - 1n) << BigInt(offset);
}

/** Turns what is wanted after an instruction into what is wanted before it. */
function before(graph: Graph, aliases: Aliases, instruction: Instruction, wanted: Wanted): void {
  if (instruction.op === "store" || instruction.op === "load") {
    const place = aliases.placeOf(instruction);
    if (place.region.kind === "any") {
      if (instruction.op === "load") wantAll(graph, wanted);
    } else if (place.region.kind === "slot") {
      const { slot } = place.region;
      const bytes = wanted.get(slot) ?? 0n;
      if (instruction.op === "load") {
        wanted.set(slot, place.root === undefined ? bytes | mask(place) : allOf(graph, slot));
      } else if (place.root === undefined) wanted.set(slot, bytes & ~mask(place));
    }
    if (instruction.op === "load") return;
  }
  for (const operand of operandsOf(instruction)) {
    if (!("reg" in operand) || (instruction.op === "store" && operand.reg === instruction.base)) continue;
    // An address that goes to a helper or a function: everything behind it may be read there.
    const reads = instruction.op === "helper" || instruction.op === "call" || instruction.op === "atomic";
    if (!reads && instruction.op !== "store") continue;
    const region = aliases.regionOf(operand.reg);
    if (region.kind === "slot") wanted.set(region.slot, allOf(graph, region.slot));
    else if (region.kind === "any") wantAll(graph, wanted);
  }
}

function allOf(graph: Graph, slot: number): bigint {
  return (1n << BigInt(graph.slots[slot]!.size)) - 1n;
}

function wantAll(graph: Graph, wanted: Wanted): void {
  for (const slot of graph.slots.keys()) wanted.set(slot, allOf(graph, slot));
}

function equal(a: Wanted | undefined, b: Wanted): boolean {
  if (!a || a.size !== b.size) return false;
  for (const [slot, bytes] of b) if (a.get(slot) !== bytes) return false;
  return true;
}
