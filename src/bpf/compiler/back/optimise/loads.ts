/**
 * Redundant loads in SSA form: a load whose bytes are already in a register, from an earlier load or store with
 * nothing in between that could change them on any way from there, becomes a move.
 */
import type { BlockId, Instruction, Operand } from "../../../ir.ts";
import { dominatorsOf } from "../dominators.ts";
import { blockOf, type Graph } from "../graph.ts";
import { sameOperand } from "../operands.ts";
import { Aliases, onlySlot, type Place } from "./alias.ts";
import { fitsBits, type Ranges, rangesOf } from "./ranges.ts";

/** Contents of memory that are known: by the name of their place. */
type Available = Map<string, { readonly place: Place; readonly value: Operand }>;

/** True if anything changed. */
export function reuseLoads(graph: Graph): boolean {
  const dominators = dominatorsOf(graph);
  const aliases = new Aliases(graph);
  const ranges = rangesOf(graph, dominators.order);
  const atEnd = new Map<BlockId, Available>();
  let changed = false;
  for (const id of dominators.order) {
    const block = blockOf(graph, id);
    const available = meet(dominators.predecessors.get(id)!.map((from) => atEnd.get(from)));
    block.instructions = block.instructions.map((instruction) => {
      const known = instruction.op === "load" ? lookUp(instruction, available, aliases, ranges) : undefined;
      if (known) {
        changed = true;
        return known;
      }
      note(instruction, available, aliases);
      return instruction;
    });
    atEnd.set(id, available);
  }
  return changed;
}

function nameOf({ region, root, offset, size }: Place): string {
  return root === undefined ? `slot${onlySlot(region)}+${offset}:${size}` : `%${root}+${offset}:${size}`;
}

/** What all predecessors know alike; nothing if one of them comes later (a loop). */
function meet(predecessors: readonly (Available | undefined)[]): Available {
  const [first, ...others] = predecessors;
  const result: Available = new Map();
  if (!first || others.includes(undefined)) return result;
  for (const [name, entry] of first) {
    if (others.every((other) => sameEntry(other?.get(name)?.value, entry.value))) result.set(name, entry);
  }
  return result;
}

function sameEntry(a: Operand | undefined, b: Operand): boolean {
  return a !== undefined && sameOperand(a, b);
}

function lookUp(
  load: Extract<Instruction, { op: "load" }>,
  available: Available,
  aliases: Aliases,
  ranges: Ranges,
): Instruction | undefined {
  if (load.volatile) return undefined;
  const name = nameOf(aliases.placeOf(load));
  const known = available.get(name);
  if (!known) return undefined;
  const { dst } = load;
  const at = load.at ? { at: load.at } : {};
  const bits = 8 * load.size;
  const { value } = known;
  if ("value" in value) return { ...at, op: "move", dst, src: { value: BigInt.asUintN(bits, value.value) } };
  if (fitsBits(ranges.of(value), bits)) return { ...at, op: "move", dst, src: value };
  if (bits === 8 || bits === 16 || bits === 32) {
    return { ...at, op: "extend", bits, signed: false, dst, src: value };
  }
  return { ...at, op: "move", dst, src: value };
}

/** A register would have to be saved across a call, on the stack: where its value already is. */
function isOnStack({ place, value }: { readonly place: Place; readonly value: Operand }): boolean {
  return "reg" in value && onlySlot(place.region) !== undefined;
}

/** What is known after an instruction. */
function note(instruction: Instruction, available: Available, aliases: Aliases): void {
  switch (instruction.op) {
    case "load": {
      const place = aliases.placeOf(instruction);
      const name = nameOf(place);
      if (!instruction.volatile) available.set(name, { place, value: { reg: instruction.dst } });
      return;
    }
    case "store": {
      const place = aliases.placeOf(instruction);
      for (const [name, entry] of available)
        if (aliases.mayOverlap(place, entry.place)) available.delete(name);
      const name = nameOf(place);
      available.set(name, { place, value: instruction.value });
      return;
    }
    case "atomic":
    case "helper":
    case "call":
      for (const [name, entry] of available) {
        const isCall = instruction.op !== "atomic";
        if (aliases.mayClobber(instruction, entry.place) || (isCall && isOnStack(entry)))
          available.delete(name);
      }
  }
}
