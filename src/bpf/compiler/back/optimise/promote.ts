/**
 * Stack slots that are only loaded from and stored to become registers, field by field: a struct that the source
 * keeps in `make(…)` and hands to functions that were inlined costs nothing.
 */
import { endianness } from "node:os";
import type { Instruction, Operand, Reg } from "../../../ir.ts";
import { blockOf, type Graph, newRegister } from "../graph.ts";
import { forEachUse, terminatorOperands } from "../operands.ts";
import { toSsa } from "../ssa.ts";
import { Aliases, onlySlot, slotsOf } from "./alias.ts";
import { definitionsOf } from "./definitions.ts";

/** A run of bytes of a slot that every access takes whole, or stores constants over. */
interface Piece {
  readonly offset: number;
  readonly size: 1 | 2 | 4 | 8;
  readonly register: Reg;
}

type Access = Extract<Instruction, { op: "load" | "store" }>;

/** In SSA form, before and after. True if anything changed. */
export function promoteSlots(graph: Graph): boolean {
  const aliases = new Aliases(graph);
  const accesses = new Map<number, Access[]>();
  const escaped = escapedSlots(graph, aliases);
  for (const block of graph.blocks.values()) {
    for (const instruction of block.instructions) {
      if (instruction.op !== "load" && instruction.op !== "store") continue;
      const slot = onlySlot(aliases.placeOf(instruction).region);
      if (slot === undefined || escaped.has(slot)) continue;
      const list = accesses.get(slot);
      if (list) list.push(instruction);
      else accesses.set(slot, [instruction]);
    }
  }
  const pieces = new Map<number, Piece[]>();
  for (const [slot, list] of accesses) pieces.set(slot, piecesOf(graph, list, aliases));
  let changed = false;
  for (const block of graph.blocks.values()) {
    block.instructions = block.instructions.flatMap((instruction) => {
      if (instruction.op !== "load" && instruction.op !== "store") return [instruction];
      const place = aliases.placeOf(instruction);
      const slot = onlySlot(place.region);
      const ours = slot === undefined ? undefined : pieces.get(slot);
      const covered = ours?.filter(
        (piece) => piece.offset < place.offset + place.size && place.offset < piece.offset + piece.size,
      );
      if (!covered || covered.length === 0) return [instruction];
      changed = true;
      return instruction.op === "load"
        ? [loadPiece(instruction, covered[0]!)]
        : covered.map((piece) => storePiece(instruction, piece, place.offset));
    });
  }
  if (!changed) return false;
  // A value on every path, wanted or not, so that each register has one wherever it is read.
  const first = blockOf(graph, graph.entry);
  for (const { register } of [...pieces.values()].flat()) {
    first.instructions.unshift({ op: "move", dst: register, src: { value: 0n } });
  }
  toSsa(graph);
  return true;
}

/** Slots whose address goes anywhere but into the base of plain accesses at known offsets. */
function escapedSlots(graph: Graph, aliases: Aliases): Set<number> {
  const definitions = definitionsOf(graph);
  const escaped = new Set<number>();
  const lose = (reg: Reg) => {
    for (const slot of slotsOf(aliases.regionOf(reg))) escaped.add(slot);
  };
  for (const block of graph.blocks.values()) {
    for (const phi of block.phis) for (const arg of phi.args.values()) if ("reg" in arg) lose(arg.reg);
    for (const instruction of block.instructions) {
      if (instruction.op === "load" || instruction.op === "store") {
        if (aliases.placeOf(instruction).root !== undefined) lose(instruction.base);
        if (instruction.op === "store" && "reg" in instruction.value) lose(instruction.value.reg);
        continue;
      }
      const definition = instruction.op === "alu" ? definitions.get(instruction.dst) : undefined;
      const isOffset =
        definition === instruction &&
        instruction.op === "alu" &&
        instruction.operation === "add" &&
        instruction.width === 64 &&
        "value" in instruction.right;
      if (instruction.op === "move" || isOffset) continue;
      forEachUse(instruction, lose);
    }
    for (const operand of terminatorOperands(block.terminator)) if ("reg" in operand) lose(operand.reg);
  }
  return escaped;
}

/**
 * The runs of bytes that loads and stores of registers agree on. Where accesses of different sizes overlap, those
 * bytes stay in memory; stores of constants fit any division.
 */
function piecesOf(graph: Graph, accesses: readonly Access[], aliases: Aliases): Piece[] {
  const sizes = new Map<number, number>();
  const spoiled: [number, number][] = [];
  const places = accesses.map((access) => ({ access, place: aliases.placeOf(access) }));
  const rigid = places.filter(({ access }) => access.op === "load" || !isDivisible(access.value));
  for (const { place } of rigid) {
    const known = sizes.get(place.offset);
    if (known !== undefined && known !== place.size) {
      spoiled.push([place.offset, Math.max(known, place.size)]);
    }
    sizes.set(place.offset, Math.max(known ?? 0, place.size));
  }
  const runs = [...sizes].sort(([a], [b]) => a - b);
  for (const [index, [offset, size]] of runs.entries()) {
    const next = runs[index + 1];
    if (next && next[0] < offset + size) spoiled.push([offset, size], next);
  }
  for (const { place } of places) {
    for (const [offset, size] of runs) {
      const apart = place.offset >= offset + size || offset >= place.offset + place.size;
      const covers = place.offset <= offset && offset + size <= place.offset + place.size;
      if (!apart && !covers) spoiled.push([offset, size]);
    }
  }
  // Spoiled bytes stay in memory, and with them every access that touches them, and what those touch.
  const inMemory = (offset: number, size: number): boolean =>
    spoiled.some(([from, length]) => from < offset + size && offset < from + length);
  for (let before = -1; before !== spoiled.length; ) {
    before = spoiled.length;
    for (const { place } of places) {
      const known = spoiled.some(
        ([from, length]) => from <= place.offset && place.offset + place.size <= from + length,
      );
      if (!known && inMemory(place.offset, place.size)) spoiled.push([place.offset, place.size]);
    }
  }
  const pieces: Piece[] = [];
  for (const [offset, size] of runs) {
    if (inMemory(offset, size)) continue;
    pieces.push({ offset, size: size as Piece["size"], register: newRegister(graph) });
  }
  return pieces;
}

/** Constants can be cut into pieces; here only where the low byte comes first, or all are alike. */
function isDivisible(value: Operand): boolean {
  return "value" in value && (value.value === 0n || endianness() === "LE");
}

function loadPiece(load: Extract<Access, { op: "load" }>, piece: Piece): Instruction {
  return { ...(load.at ? { at: load.at } : {}), op: "move", dst: load.dst, src: { reg: piece.register } };
}

/** Registers hold pieces zero-extended, as a load would give them. */
function storePiece(store: Extract<Access, { op: "store" }>, piece: Piece, offset: number): Instruction {
  const at = store.at ? { at: store.at } : {};
  const dst = piece.register;
  const bits = 8 * piece.size;
  if ("value" in store.value) {
    const shifted = BigInt.asUintN(64, store.value.value) >> BigInt(8 * Math.max(0, piece.offset - offset));
    return { ...at, op: "move", dst, src: { value: BigInt.asUintN(bits, shifted) } };
  }
  if (bits === 8 || bits === 16 || bits === 32) {
    return { ...at, op: "extend", bits, signed: false, dst, src: store.value };
  }
  return { ...at, op: "move", dst, src: store.value };
}
