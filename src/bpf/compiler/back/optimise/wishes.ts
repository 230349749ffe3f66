/** Which bytes of the stack may still be read, at each place of a function in SSA form. */
import type { BlockId, Instruction } from "../../../ir.ts";
import { blockOf, type Graph, type GraphBlock, reversePostorder, successorsOf } from "../graph.ts";
import { operandsOf } from "../operands.ts";
import { Aliases, onlySlot, type Place, type Region, slotsOf } from "./alias.ts";

/** For each slot, a bit for each byte that someone may still read. */
export type Wanted = Map<number, bigint>;

export class Wishes {
  readonly aliases: Aliases;
  readonly #graph: Graph;
  readonly #atStart = new Map<BlockId, Wanted>();

  constructor(graph: Graph) {
    this.#graph = graph;
    this.aliases = new Aliases(graph);
    const order = reversePostorder(graph).reverse();
    for (let changed = true; changed; ) {
      changed = false;
      for (const id of order) {
        const wanted = this.walk(blockOf(graph, id), () => {});
        if (equal(this.#atStart.get(id), wanted)) continue;
        this.#atStart.set(id, wanted);
        changed = true;
      }
    }
  }

  /** Visits the instructions of a block from the last to the first, with what is wanted after each. */
  walk(block: GraphBlock, visit: (instruction: Instruction, after: Wanted) => void): Wanted {
    const wanted: Wanted = new Map();
    for (const successor of successorsOf(block.terminator)) {
      for (const [slot, bytes] of this.#atStart.get(successor) ?? []) {
        wanted.set(slot, (wanted.get(slot) ?? 0n) | bytes);
      }
    }
    for (let index = block.instructions.length - 1; index >= 0; index--) {
      const instruction = block.instructions[index]!;
      visit(instruction, wanted);
      before(this.#graph, this.aliases, instruction, wanted);
    }
    return wanted;
  }
}

/** The bits of a place's bytes. */
export function bytesOf({ offset, size }: Place): bigint {
  return offset < 0 ? 0n : ((1n << BigInt(size)) - 1n) << BigInt(offset);
}

/** Turns what is wanted after an instruction into what is wanted before it. */
function before(graph: Graph, aliases: Aliases, instruction: Instruction, wanted: Wanted): void {
  const wantAll = (region: Region) => {
    for (const slot of slotsOf(region)) wanted.set(slot, allOf(graph, slot));
  };
  switch (instruction.op) {
    case "load": {
      const place = aliases.placeOf(instruction);
      const slot = place.root === undefined ? onlySlot(place.region) : undefined;
      if (slot === undefined) wantAll(place.region);
      else wanted.set(slot, (wanted.get(slot) ?? 0n) | bytesOf(place));
      return;
    }
    case "store": {
      const place = aliases.placeOf(instruction);
      const slot = place.root === undefined ? onlySlot(place.region) : undefined;
      if (slot !== undefined) wanted.set(slot, (wanted.get(slot) ?? 0n) & ~bytesOf(place));
      wantAll(aliases.behind(instruction.value));
      return;
    }
    case "atomic":
    case "helper":
    case "call":
      // Everything behind an address that is passed on may be read there.
      for (const operand of operandsOf(instruction)) wantAll(aliases.behind(operand));
  }
}

function allOf(graph: Graph, slot: number): bigint {
  return (1n << BigInt(graph.slots[slot]!.size)) - 1n;
}

function equal(a: Wanted | undefined, b: Wanted): boolean {
  if (!a || a.size !== b.size) return false;
  for (const [slot, bytes] of b) if (a.get(slot) !== bytes) return false;
  return true;
}
