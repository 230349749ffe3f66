/** What memory an access touches, as far as it can be told. */
import type { Instruction, Operand, Reg } from "../../../ir.ts";
import { type Definitions, type Graph, isPhi, type Phi } from "../graph.ts";
import { definitionsOf } from "./definitions.ts";

/** A set of kinds of memory that never overlap: bit 0 the context, bit 1 maps and packets, bit 2 + i stack slot i. */
export type Region = bigint;

export const CONTEXT: Region = 1n;
export const OTHER: Region = 2n;

export function slotRegion(slot: number): Region {
  return 4n << BigInt(slot);
}

/** The slot, if the region is one slot and nothing else. */
export function onlySlot(region: Region): number | undefined {
  const slots = region >> 2n;
  if (slots === 0n || (region & 3n) !== 0n || (slots & (slots - 1n)) !== 0n) return undefined;
  return slots.toString(2).length - 1;
}

/** All slots of a region. */
export function slotsOf(region: Region): number[] {
  const slots: number[] = [];
  for (let rest = region >> 2n, slot = 0; rest !== 0n; rest >>= 1n, slot++) if (rest & 1n) slots.push(slot);
  return slots;
}

/** Bytes at an address. */
export interface Place {
  readonly region: Region;
  /** The register the offset counts from; none if it counts from the start of the region's only slot. */
  readonly root: Reg | undefined;
  readonly offset: number;
  readonly size: number;
}

/** Helpers that write no memory a program could read: lookups, clocks, random numbers, processor numbers. */
const HARMLESS_HELPERS: ReadonlySet<number> = new Set([1, 5, 7, 8, 118, 125, 160, 195, 208]);
/** Helpers that change maps, and nothing else: update, delete. */
const MAP_HELPERS: ReadonlySet<number> = new Set([2, 3]);

/** Answers for one graph in SSA form. */
export class Aliases {
  readonly #definitions: Definitions;
  readonly #regions = new Map<Reg, Region>();

  constructor(graph: Graph) {
    this.#definitions = definitionsOf(graph);
    for (const [index, parameter] of graph.parameters.entries()) {
      this.#regions.set(parameter, graph.contextParameters.has(index) ? CONTEXT : OTHER);
    }
    for (let changed = true; changed; ) {
      changed = false;
      for (const [reg, definition] of this.#definitions) {
        const region = this.#derive(definition);
        if (region === this.#regions.get(reg)) continue;
        this.#regions.set(reg, region);
        changed = true;
      }
    }
  }

  placeOf(access: { readonly base: Reg; readonly offset: number; readonly size: number }): Place {
    let root = access.base;
    let offset = access.offset;
    for (;;) {
      const definition = this.#definitions.get(root);
      if (!definition || isPhi(definition)) break;
      if (definition.op === "move" && "reg" in definition.src) root = definition.src.reg;
      else if (definition.op === "alu" && definition.width === 64 && definition.operation === "add") {
        if (!("reg" in definition.left) || !("value" in definition.right)) break;
        root = definition.left.reg;
        offset += Number(BigInt.asIntN(64, definition.right.value));
      } else break;
    }
    const definition = this.#definitions.get(root);
    const isSlot = definition && !isPhi(definition) && definition.op === "stackAddress";
    return { region: this.regionOf(root), root: isSlot ? undefined : root, offset, size: access.size };
  }

  /** Where an address leads, whatever is added to it. */
  regionOf(reg: Reg): Region {
    return this.#regions.get(reg) ?? OTHER;
  }

  /** The memory that an operand, passed on, gives access to. */
  behind(operand: Operand): Region {
    return "reg" in operand ? this.regionOf(operand.reg) : 0n;
  }

  #derive(definition: Instruction | Phi): Region {
    const union = (operands: Iterable<Operand>): Region => {
      let region = 0n;
      for (const operand of operands) if ("reg" in operand) region |= this.#regions.get(operand.reg) ?? 0n;
      return region;
    };
    if (isPhi(definition)) return union(definition.args.values());
    switch (definition.op) {
      case "stackAddress":
        return slotRegion(definition.slot);
      case "move":
        return union([definition.src]);
      case "alu": {
        // One side is the address, the other a number, of which the region says nothing.
        const left = union([definition.left]);
        const right = union([definition.right]);
        return (left & ~OTHER) !== 0n ? left : (right & ~OTHER) !== 0n ? right : OTHER;
      }
      // A function may return an address that it was given.
      case "call":
        return union(definition.args) | OTHER;
      default:
        return OTHER;
    }
  }

  /** True if writing one place may change the other. */
  mayOverlap(a: Place, b: Place): boolean {
    if ((a.region & b.region) === 0n) return false;
    if (a.root !== b.root || (a.root === undefined && a.region !== b.region)) return true;
    return a.offset < b.offset + b.size && b.offset < a.offset + a.size;
  }

  /** Whether an instruction that is no plain store may change a place. */
  mayClobber(instruction: Instruction, place: Place): boolean {
    switch (instruction.op) {
      case "atomic":
        return this.mayOverlap(this.placeOf(instruction), place);
      case "helper":
        if (instruction.pure || HARMLESS_HELPERS.has(instruction.id)) return false;
        if (MAP_HELPERS.has(instruction.id)) return (place.region & OTHER) !== 0n;
        break;
      case "call":
        break;
      default:
        return false;
    }
    const reached = instruction.args.reduce((region, arg) => region | this.behind(arg), CONTEXT | OTHER);
    return (place.region & reached) !== 0n;
  }
}
