/** What memory an access touches, as far as it can be told. */
import type { Instruction, Reg } from "../../../ir.ts";
import { type Definitions, type Graph, isPhi } from "../graph.ts";
import { definitionsOf } from "./definitions.ts";

/** Kinds of memory that never overlap. "any" is an address that may lead to stack or elsewhere. */
export type Region =
  | { readonly kind: "slot"; readonly slot: number }
  | { readonly kind: "context" }
  | { readonly kind: "other" }
  | { readonly kind: "any" };

/** Bytes at an address. */
export interface Place {
  readonly region: Region;
  /** The register the offset counts from; 0 bytes into a slot for slots. */
  readonly root: Reg | undefined;
  readonly offset: number;
  readonly size: number;
}

/** Helpers that write no memory a program could read: lookups, clocks, random numbers, processor numbers. */
const HARMLESS_HELPERS: ReadonlySet<number> = new Set([1, 5, 7, 8, 118, 125, 160, 195, 208]);
/** Helpers that change maps, and nothing on the stack: update, delete. */
const MAP_HELPERS: ReadonlySet<number> = new Set([2, 3]);

/** Answers for one graph in SSA form. */
export class Aliases {
  readonly #definitions: Definitions;
  readonly #contexts: ReadonlySet<Reg>;
  readonly #regions = new Map<Reg, Region>();

  constructor(graph: Graph) {
    this.#definitions = definitionsOf(graph);
    this.#contexts = new Set([...graph.contextParameters].flatMap((index) => graph.parameters[index] ?? []));
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
    const region = this.regionOf(root);
    const definition = this.#definitions.get(root);
    const isSlot = definition && !isPhi(definition) && definition.op === "stackAddress";
    return { region, root: isSlot ? undefined : root, offset, size: access.size };
  }

  /** Where an address leads, whatever is added to it. */
  regionOf(reg: Reg): Region {
    const known = this.#regions.get(reg);
    if (known) return known;
    // Cycles of φ-functions: what is still being looked at adds nothing.
    this.#regions.set(reg, { kind: "any" });
    const region = this.#find(reg);
    this.#regions.set(reg, region);
    return region;
  }

  #find(reg: Reg): Region {
    if (this.#contexts.has(reg)) return { kind: "context" };
    const definition = this.#definitions.get(reg);
    if (!definition) return { kind: "other" };
    if (isPhi(definition)) return this.#phi(definition.args.values());
    switch (definition.op) {
      case "stackAddress":
        return { kind: "slot", slot: definition.slot };
      case "move":
        return "reg" in definition.src ? this.regionOf(definition.src.reg) : { kind: "other" };
      case "alu": {
        const regions = [definition.left, definition.right].flatMap((side) =>
          "reg" in side ? [this.regionOf(side.reg)] : [],
        );
        return regions.find(({ kind }) => kind !== "other") ?? { kind: "other" };
      }
      // A function may return an address that it was given.
      case "call":
        return { kind: "any" };
      default:
        return { kind: "other" };
    }
  }

  #phi(args: Iterable<{ readonly reg: Reg } | { readonly value: bigint }>): Region {
    let result: Region | undefined;
    for (const arg of args) {
      if (!("reg" in arg)) continue;
      const region = this.regionOf(arg.reg);
      if (result && !sameRegion(result, region)) return { kind: "any" };
      result = region;
    }
    return result ?? { kind: "other" };
  }

  /** True if writing one place may change the other. */
  mayOverlap(a: Place, b: Place): boolean {
    if (a.region.kind === "any" || b.region.kind === "any") return true;
    if (!sameRegion(a.region, b.region)) return false;
    if (a.root !== b.root) return true;
    return a.offset < b.offset + b.size && b.offset < a.offset + a.size;
  }

  /** Whether an instruction that is no plain store may change a place. */
  mayClobber(instruction: Instruction, place: Place): boolean {
    switch (instruction.op) {
      case "atomic":
        return this.mayOverlap(this.placeOf(instruction), place);
      case "helper":
        if (instruction.pure || HARMLESS_HELPERS.has(instruction.id)) return false;
        if (MAP_HELPERS.has(instruction.id))
          return place.region.kind !== "slot" && place.region.kind !== "context";
        break;
      case "call":
        break;
      default:
        return false;
    }
    if (place.region.kind !== "slot") return true;
    const { slot } = place.region;
    return instruction.args.some((arg) => {
      if (!("reg" in arg)) return false;
      const region = this.regionOf(arg.reg);
      return region.kind === "any" || (region.kind === "slot" && region.slot === slot);
    });
  }
}

export function sameRegion(a: Region, b: Region): boolean {
  return a.kind === "slot" ? b.kind === "slot" && a.slot === b.slot : a.kind === b.kind;
}
