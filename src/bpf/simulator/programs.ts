/** Arrays of programs: what a machine runs when a program makes a tail call. */
import type { MapDefinition } from "../map.ts";
import type { Packet } from "../packet.ts";
import { LimitedStorage } from "./storage.ts";
import { failure, SimulatedHandle } from "./store-handle.ts";

const E2BIG = 7;
/** How many tail calls a packet may make: as in the kernel. */
export const MAX_TAIL_CALLS = 33;

/** A program in a slot: an entry function, as compiled with these options. */
export interface SlotProgram {
  readonly entry: (packet: Packet) => number;
  /** Options that differ from the machine's, by name. */
  readonly options?: Readonly<Record<string, number | boolean>>;
}

/** A tail call was made where the simulator cannot follow it. */
export class TailCallError extends Error {
  override readonly name = "TailCallError";
  readonly code = "ERR_TAIL_CALL";
}

/** Thrown by a tail call that takes place: ends the program that made it. Caught by the machine. */
export class TailCallSignal extends Error {
  override readonly name = "TailCallSignal";
  program: SlotProgram | undefined;
}

/** The methods a program array has for kernel functions: none. */
export class ProgramStorage extends LimitedStorage {}

/** An array of programs. To user space a value is the number of the program there: a u32. */
export class ProgramTable extends SimulatedHandle {
  readonly capacity: number;
  readonly #slots = new Map<number, { readonly id: number; readonly program: SlotProgram }>();
  #ids = 0;

  constructor(map: MapDefinition, capacity: number) {
    super(map, 8, 1);
    this.capacity = capacity;
  }

  get(index: number): SlotProgram | undefined {
    return this.#slots.get(index)?.program;
  }

  /** Puts a program there; null empties the slot. */
  set(index: number, program: SlotProgram | null): void {
    if (!Number.isInteger(index) || index < 0 || index >= this.capacity) {
      throw failure("BPF_MAP_UPDATE_ELEM", this.definition, -E2BIG, `there is no slot ${index}`);
    }
    if (program === null) this.#slots.delete(index);
    else this.#slots.set(index, { id: ++this.#ids, program });
  }

  override lookup(key: Uint8Array): Uint8Array | null {
    const found = this.#slots.get(this.check(key, 4, "key").getUint32(0, true));
    return found === undefined ? null : new Uint8Array(Uint32Array.of(found.id).buffer);
  }

  override delete(key: Uint8Array): boolean {
    const index = this.check(key, 4, "key").getUint32(0, true);
    if (index >= this.capacity) throw failure("BPF_MAP_DELETE_ELEM", this.definition, -E2BIG);
    return this.#slots.delete(index);
  }

  override *keys(): Generator<Uint8Array> {
    for (const index of [...this.#slots.keys()]) yield new Uint8Array(Uint32Array.of(index).buffer);
  }
}
