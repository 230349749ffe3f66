/** Instructions to bytes: the one place where labels, function names and map names become numbers. */
import { AssemblerError } from "./errors.ts";
import { type Instruction, slotsOf } from "./instruction.ts";
import { LOAD_IMMEDIATE_64, PSEUDO } from "./opcode.ts";

/** Bytes of one slot. */
export const SLOT_SIZE = 8;

export interface EncodeOptions {
  /** The descriptor of a map by name; undefined if there is none. Without it, maps are 0. */
  readonly mapDescriptor?: (name: string) => number | undefined;
  /** Byte order of the machine that runs the program. Default: little. */
  readonly bigEndian?: boolean;
}

/** Where each label is, in slots. Throws AssemblerError LABEL_DUPLICATE. */
export function labelSlots(instructions: readonly Instruction[]): Map<string, number> {
  const labels = new Map<string, number>();
  let slot = 0;
  for (const [index, instruction] of instructions.entries()) {
    if (instruction.label !== undefined) {
      if (labels.has(instruction.label)) {
        throw new AssemblerError("LABEL_DUPLICATE", index, `label "${instruction.label}" is defined twice`);
      }
      labels.set(instruction.label, slot);
    }
    slot += slotsOf(instruction);
  }
  return labels;
}

/**
 * The program as the kernel takes it, 8 bytes a slot.
 *
 * @throws AssemblerError LABEL_UNKNOWN, LABEL_DUPLICATE, MAP_UNKNOWN, OPERAND_RANGE (offset or immediate does not
 * fit), JUMP_TOO_FAR (a jump of more than 32,767 slots, which cpu v3 cannot express).
 */
export function encode(instructions: readonly Instruction[], options: EncodeOptions = {}): Uint8Array {
  const labels = labelSlots(instructions);
  const total = instructions.reduce((sum, instruction) => sum + slotsOf(instruction), 0);
  const bytes = new Uint8Array(total * SLOT_SIZE);
  const view = new DataView(bytes.buffer);
  const little = !options.bigEndian;
  let slot = 0;

  const write = (opcode: number, dst: number, src: number, offset: number, immediate: number) => {
    const at = slot * SLOT_SIZE;
    view.setUint8(at, opcode);
    view.setUint8(at + 1, little ? (src << 4) | dst : (dst << 4) | src);
    view.setInt16(at + 2, offset, little);
    view.setInt32(at + 4, immediate, little);
    slot++;
  };

  for (const [index, instruction] of instructions.entries()) {
    const distance = (label: string): number => {
      const to = labels.get(label);
      if (to === undefined) throw new AssemblerError("LABEL_UNKNOWN", index, `no label "${label}"`);
      return to - slot - 1;
    };
    const { opcode, dst, src } = instruction;
    if (opcode === LOAD_IMMEDIATE_64) {
      const [low, high] = wideImmediate(instruction, index, distance, options);
      write(opcode, dst, src, instruction.offset, low);
      write(0, 0, 0, 0, high);
      continue;
    }
    let offset = instruction.offset;
    if (instruction.target !== undefined) {
      offset = distance(instruction.target);
      if (offset < -0x8000 || offset > 0x7fff) {
        throw new AssemblerError(
          "JUMP_TOO_FAR",
          index,
          `"${instruction.target}" is ${offset} slots away; at most 32767 can be jumped. Make the function smaller`,
        );
      }
    }
    const immediate =
      instruction.function === undefined ? Number(instruction.immediate) : distance(instruction.function);
    if (!Number.isInteger(offset) || offset < -0x8000 || offset > 0x7fff) {
      throw new AssemblerError("OPERAND_RANGE", index, `offset ${offset} does not fit 16 signed bits`);
    }
    if (!Number.isInteger(immediate) || immediate < -0x80000000 || immediate > 0xffffffff) {
      throw new AssemblerError("OPERAND_RANGE", index, `immediate ${immediate} does not fit 32 bits`);
    }
    write(opcode, dst, src, offset, immediate);
  }
  return bytes;
}

/** The two halves of a 64-bit immediate. */
function wideImmediate(
  instruction: Instruction,
  index: number,
  distance: (label: string) => number,
  options: EncodeOptions,
): [number, number] {
  if (instruction.function !== undefined) return [distance(instruction.function), 0];
  if (instruction.map !== undefined) {
    const { name, value } = instruction.map;
    const descriptor = options.mapDescriptor ? options.mapDescriptor(name) : 0;
    if (descriptor === undefined) throw new AssemblerError("MAP_UNKNOWN", index, `no map "${name}"`);
    return [descriptor, instruction.src === PSEUDO.mapValue ? (value ?? 0) : 0];
  }
  const value = BigInt.asUintN(64, BigInt(instruction.immediate));
  return [Number(value & 0xffffffffn), Number(value >> 32n)];
}
