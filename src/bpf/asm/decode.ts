/** Bytes to instructions. Jumps keep their numeric offsets; 64-bit immediates become one instruction again. */
import { SLOT_SIZE } from "./encode.ts";
import { AssemblerError } from "./errors.ts";
import type { Instruction } from "./instruction.ts";
import { LOAD_IMMEDIATE_64 } from "./opcode.ts";
import type { Register } from "./register.ts";

/** Throws AssemblerError TRUNCATED if the bytes end within an instruction. */
export function decode(bytes: Uint8Array, bigEndian = false): Instruction[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const little = !bigEndian;
  const instructions: Instruction[] = [];
  if (bytes.length % SLOT_SIZE !== 0) {
    throw new AssemblerError("TRUNCATED", Math.floor(bytes.length / SLOT_SIZE), "not a multiple of 8 bytes");
  }
  for (let at = 0; at < bytes.length; at += SLOT_SIZE) {
    const opcode = view.getUint8(at);
    const registers = view.getUint8(at + 1);
    const low = registers & 0x0f;
    const high = registers >> 4;
    const instruction = {
      opcode,
      dst: (little ? low : high) as Register,
      src: (little ? high : low) as Register,
      offset: view.getInt16(at + 2, little),
    };
    if (opcode !== LOAD_IMMEDIATE_64) {
      instructions.push({ ...instruction, immediate: view.getInt32(at + 4, little) });
      continue;
    }
    if (at + 2 * SLOT_SIZE > bytes.length) {
      throw new AssemblerError("TRUNCATED", at / SLOT_SIZE, "64-bit immediate without its second half");
    }
    const lower = BigInt(view.getUint32(at + 4, little));
    const upper = BigInt(view.getInt32(at + 12, little));
    instructions.push({ ...instruction, immediate: (upper << 32n) | lower });
    at += SLOT_SIZE;
  }
  return instructions;
}
