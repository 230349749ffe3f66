/** The address space of the interpreter: regions of bytes at made-up addresses. Little-endian. */
import type { Size } from "./opcode.ts";

/** An access outside every region, to bytes never written, or to a register without a value. */
export class InterpreterError extends Error {
  override readonly name = "InterpreterError";
  readonly code: "BAD_ADDRESS" | "UNINITIALISED" | "BAD_INSTRUCTION" | "TOO_LONG";

  constructor(code: InterpreterError["code"], message: string) {
    super(message);
    this.code = code;
  }
}

export interface MemoryRegion {
  readonly base: bigint;
  readonly bytes: Uint8Array;
  /** One byte per byte: 0 = never written; reading it is an error. Absent: all readable. */
  readonly written?: Uint8Array;
}

export class Memory {
  readonly #regions: MemoryRegion[] = [];

  /** Makes bytes accessible at an address. */
  map(region: MemoryRegion): MemoryRegion {
    this.#regions.push(region);
    return region;
  }

  unmap(region: MemoryRegion): void {
    const index = this.#regions.lastIndexOf(region);
    if (index >= 0) this.#regions.splice(index, 1);
  }

  /** @throws InterpreterError BAD_ADDRESS, UNINITIALISED */
  load(address: bigint, size: Size): bigint {
    const { region, offset } = this.#find(address, size);
    for (let i = 0; region.written && i < size; i++) {
      if (!region.written[offset + i]) {
        throw new InterpreterError(
          "UNINITIALISED",
          `read of unwritten byte at 0x${address.toString(16)}+${i}`,
        );
      }
    }
    let value = 0n;
    for (let i = size - 1; i >= 0; i--) value = (value << 8n) | BigInt(region.bytes[offset + i] ?? 0);
    return value;
  }

  /** @throws InterpreterError BAD_ADDRESS */
  store(address: bigint, size: Size, value: bigint): void {
    const { region, offset } = this.#find(address, size);
    for (let i = 0; i < size; i++) {
      region.bytes[offset + i] = Number((value >> BigInt(8 * i)) & 0xffn);
      if (region.written) region.written[offset + i] = 1;
    }
  }

  #find(address: bigint, size: Size): { region: MemoryRegion; offset: number } {
    for (let i = this.#regions.length - 1; i >= 0; i--) {
      const region = this.#regions[i]!;
      const offset = address - region.base;
      if (offset >= 0n && offset + BigInt(size) <= BigInt(region.bytes.length)) {
        return { region, offset: Number(offset) };
      }
    }
    throw new InterpreterError("BAD_ADDRESS", `access of ${size} bytes at 0x${address.toString(16)}`);
  }
}
