/** What random modules run in: a context, a packet and one map element, for the IR and for generated code alike. */
import { encode, type Instruction } from "../../../asm/index.ts";
import { interpret } from "../../../asm/interpret.ts";
import { Memory } from "../../../asm/interpret-memory.ts";
import type { IrModule } from "../../../ir.ts";
import { interpretIr } from "./interpret-ir.ts";
import type { Random } from "./random.ts";
import {
  CONTEXT_DATA,
  CONTEXT_DATA_END,
  CONTEXT_SCRATCH,
  CONTEXT_SCRATCH_SIZE,
  DATA_SIZE,
  HELPERS,
  PACKET_SIZE,
} from "./world-layout.ts";

export interface WorldInput {
  /** Contents of the map's element. */
  readonly data: Uint8Array;
  /** Contents of cb[0…4]. */
  readonly scratch: Uint8Array;
  readonly packet: Uint8Array;
}

/** All that a run can leave behind. */
export interface WorldOutcome {
  readonly value: bigint;
  readonly data: string;
  readonly scratch: string;
  readonly packet: string;
}

export function randomInput(random: Random): WorldInput {
  const bytes = (count: number): Uint8Array =>
    Uint8Array.from({ length: count }, () => random.pick([0, 0, 1, 0x7f, 0x80, 0xff, random.below(256)]));
  return { data: bytes(DATA_SIZE), scratch: bytes(CONTEXT_SCRATCH_SIZE), packet: bytes(PACKET_SIZE) };
}

const CONTEXT = 0x1000n;
const DATA_BASE = 0x2000n;
const MAP = 0x3000n;
const PACKET_BASE = 0x4000;
const EFAULT = -14n;

interface AnyContext {
  readonly memory: Memory;
  call(address: bigint, args: readonly bigint[]): bigint;
}

class World {
  readonly memory = new Memory();
  readonly #context = new Uint8Array(192);
  readonly #data: Uint8Array;
  readonly #packet: Uint8Array;

  constructor(input: WorldInput) {
    this.#data = input.data.slice();
    this.#packet = input.packet.slice();
    const view = new DataView(this.#context.buffer);
    view.setUint32(CONTEXT_DATA, PACKET_BASE, true);
    view.setUint32(CONTEXT_DATA_END, PACKET_BASE + PACKET_SIZE, true);
    this.memory.map({ base: BigInt(PACKET_BASE), bytes: this.#packet });
    this.#context.set(input.scratch, CONTEXT_SCRATCH);
    this.memory.map({ base: CONTEXT, bytes: this.#context });
    this.memory.map({ base: DATA_BASE, bytes: this.#data });
  }

  options(limit: number) {
    return {
      limit,
      memory: this.memory,
      args: [CONTEXT],
      mapAddress: () => MAP,
      mapValueAddress: (_name: string, offset: number) => DATA_BASE + BigInt(offset),
      helper: (id: number, args: readonly (bigint | undefined)[], context: AnyContext) =>
        this.#helper(id, args, context),
    };
  }

  outcome(value: bigint): WorldOutcome {
    return {
      value,
      data: Buffer.from(this.#data).toString("hex"),
      packet: Buffer.from(this.#packet).toString("hex"),
      scratch: Buffer.from(
        this.#context.subarray(CONTEXT_SCRATCH, CONTEXT_SCRATCH + CONTEXT_SCRATCH_SIZE),
      ).toString("hex"),
    };
  }

  #helper(id: number, args: readonly (bigint | undefined)[], context: AnyContext): bigint {
    const arg = (index: number): bigint => {
      const value = args[index];
      if (value === undefined) throw new Error(`helper ${id}: argument ${index} has no value`);
      return value;
    };
    switch (id) {
      case HELPERS.lookup:
        if (arg(0) !== MAP) throw new Error("lookup in no map");
        return this.memory.load(arg(1), 4) === 0n ? DATA_BASE : 0n;
      case HELPERS.loadBytes: {
        const offset = Number(BigInt.asUintN(32, arg(1)));
        const length = Number(arg(3));
        const fits = offset + length <= this.#packet.length;
        for (let i = 0; i < length; i++) {
          const byte = fits ? BigInt(this.#packet[offset + i]!) : 0n;
          this.memory.store(arg(2) + BigInt(i), 1, byte);
        }
        return fits ? 0n : EFAULT;
      }
      case HELPERS.loop: {
        const count = Number(BigInt.asUintN(32, arg(0)));
        for (let i = 0; i < count; i++) {
          if (context.call(arg(1), [BigInt(i), arg(2)]) !== 0n) return BigInt(i + 1);
        }
        return BigInt(count);
      }
      default:
        throw new Error(`no helper ${id}`);
    }
  }
}

/** Runs a module as its IR says. */
export function runIr(module: IrModule, input: WorldInput): WorldOutcome {
  const world = new World(input);
  return world.outcome(interpretIr(module, world.options(100_000)));
}

/** Runs generated code; it must also be possible to encode it. */
export function runCode(code: readonly Instruction[], input: WorldInput): WorldOutcome {
  encode(code);
  const world = new World(input);
  return world.outcome(interpret(code, world.options(2_000_000)).value);
}
