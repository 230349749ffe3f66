/**
 * Dead stores to the stack: a store whose bytes are all overwritten, or never looked at, before the function ends.
 * Zeroes that `make(…)` wrote under fields set right after go away; padding that a helper reads stays written.
 */
import type { Instruction } from "../../../ir.ts";
import type { Graph } from "../graph.ts";
import { type Aliases, onlySlot } from "./alias.ts";
import { bytesOf, type Wanted, Wishes } from "./wishes.ts";

/** In SSA form. True if anything changed. */
export function removeDeadStores(graph: Graph): boolean {
  const wishes = new Wishes(graph);
  let removed = false;
  for (const block of graph.blocks.values()) {
    const dead = new Set<Instruction>();
    wishes.walk(block, (instruction, after) => {
      // What a dead store would have overwritten is not wanted either: bytes only ever become less wanted upwards.
      if (isDead(wishes.aliases, instruction, after)) dead.add(instruction);
    });
    if (dead.size === 0) continue;
    removed = true;
    block.instructions = block.instructions.filter((instruction) => !dead.has(instruction));
  }
  return removed;
}

function isDead(aliases: Aliases, instruction: Instruction, wanted: Wanted): boolean {
  if (instruction.op !== "store") return false;
  const place = aliases.placeOf(instruction);
  const slot = onlySlot(place.region);
  if (slot === undefined) return false;
  // At an unknown offset, any byte of the slot may be meant.
  const bytes = wanted.get(slot) ?? 0n;
  return (place.root === undefined ? bytes & bytesOf(place) : bytes) === 0n;
}
