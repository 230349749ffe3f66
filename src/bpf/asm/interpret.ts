/**
 * An eBPF interpreter: runs programs without a kernel, for tests of generated code. Stricter than a processor:
 * registers lost by a call and stack bytes never written may not be read, as the verifier demands.
 */
import { type Instruction, slotsOf } from "./instruction.ts";
import { InterpreterError, Memory } from "./interpret-memory.ts";
import {
  ALU,
  ATOMIC,
  CLASS,
  classOf,
  FETCH,
  JUMP,
  LOAD_IMMEDIATE_64,
  MODE,
  operationOf,
  PSEUDO,
  PSEUDO_CALL,
  sizeOf,
  usesRegister,
} from "./opcode.ts";
import { STACK_LIMIT } from "./register.ts";

const MASK32 = 0xffffffffn;
const FUNCTIONS_BASE = 0x7f00_0000_0000n;
const STACK_BASE = 0x7e00_0000_0000n;

/** What a helper may do to the running program. */
export interface HelperContext {
  readonly memory: Memory;
  /** Calls a function of the program by its address (a callback). */
  call(address: bigint, args: readonly bigint[]): bigint;
}

export interface InterpretOptions {
  readonly memory?: Memory;
  /** R1… on entry. */
  readonly args?: readonly bigint[];
  /** Performs helper `id`; `args` holds R1–R5, undefined where unset. */
  readonly helper?: (id: number, args: readonly (bigint | undefined)[], context: HelperContext) => bigint;
  readonly mapAddress?: (name: string) => bigint;
  readonly mapValueAddress?: (name: string, offset: number) => bigint;
  /** Instructions to run at most. Default 1,000,000. */
  readonly limit?: number;
}

export interface InterpretResult {
  /** R0 at exit. */
  readonly value: bigint;
  /** Instructions run. */
  readonly executed: number;
}

/**
 * Runs a program from its first instruction.
 *
 * @throws InterpreterError for a bad address, an unwritten byte or register, an unknown instruction, or no end
 */
export function interpret(program: readonly Instruction[], options: InterpretOptions = {}): InterpretResult {
  return new Machine(program, options).run();
}

class Machine {
  readonly #program: readonly Instruction[];
  readonly #options: InterpretOptions;
  readonly #memory: Memory;
  /** Index of the instruction at each slot. */
  readonly #indexOfSlot = new Map<number, number>();
  readonly #slotOfIndex: number[] = [];
  readonly #slotOfLabel = new Map<string, number>();
  #registers: (bigint | undefined)[] = [];
  #depth = 0;
  #executed = 0;

  constructor(program: readonly Instruction[], options: InterpretOptions) {
    this.#program = program;
    this.#options = options;
    this.#memory = options.memory ?? new Memory();
    let slot = 0;
    for (const [index, instruction] of program.entries()) {
      this.#indexOfSlot.set(slot, index);
      this.#slotOfIndex.push(slot);
      if (instruction.label !== undefined) this.#slotOfLabel.set(instruction.label, slot);
      slot += slotsOf(instruction);
    }
  }

  run(): InterpretResult {
    const value = this.#function(0, this.#options.args ?? []);
    return { value, executed: this.#executed };
  }

  /** Runs the function at a slot in a frame of its own. */
  #function(slot: number, args: readonly (bigint | undefined)[]): bigint {
    if (++this.#depth > 8) throw new InterpreterError("BAD_INSTRUCTION", "more than 8 frames");
    const saved = this.#registers;
    const base = STACK_BASE + BigInt(this.#depth) * 0x10000n;
    const frame = this.#memory.map({
      base,
      bytes: new Uint8Array(STACK_LIMIT),
      written: new Uint8Array(STACK_LIMIT),
    });
    this.#registers = [];
    for (const [i, value] of args.entries()) this.#registers[i + 1] = value;
    this.#registers[10] = base + BigInt(STACK_LIMIT);
    const value = this.#body(slot);
    this.#registers = saved;
    this.#memory.unmap(frame);
    this.#depth--;
    return value;
  }

  #body(start: number): bigint {
    let index = this.#index(start);
    for (;;) {
      const instruction = this.#program[index];
      if (!instruction) throw new InterpreterError("BAD_INSTRUCTION", "ran past the end");
      if (++this.#executed > (this.#options.limit ?? 1_000_000)) {
        throw new InterpreterError("TOO_LONG", "instruction limit reached");
      }
      const { opcode, dst } = instruction;
      switch (classOf(opcode)) {
        case CLASS.alu32:
        case CLASS.alu64:
          this.#alu(instruction);
          break;
        case CLASS.ldx:
          this.#set(dst, this.#memory.load(this.#address(instruction, instruction.src), sizeOf(opcode)));
          break;
        case CLASS.st:
          this.#memory.store(
            this.#address(instruction, dst),
            sizeOf(opcode),
            BigInt.asUintN(64, BigInt(instruction.immediate)),
          );
          break;
        case CLASS.stx:
          if ((opcode & 0xe0) === MODE.atomic) this.#atomic(instruction);
          else {
            this.#memory.store(this.#address(instruction, dst), sizeOf(opcode), this.#get(instruction.src));
          }
          break;
        case CLASS.ld:
          if (opcode !== LOAD_IMMEDIATE_64) throw unknown(instruction);
          this.#set(dst, this.#wide(instruction));
          break;
        default: {
          const operation = operationOf(opcode);
          if (operation === JUMP.exit) return this.#get(0);
          if (operation === JUMP.call) this.#call(instruction, index);
          else if (operation === JUMP.always || this.#holds(instruction)) {
            index = this.#index(this.#target(instruction, index));
            continue;
          }
        }
      }
      index++;
    }
  }

  #index(slot: number): number {
    const index = this.#indexOfSlot.get(slot);
    if (index === undefined) throw new InterpreterError("BAD_INSTRUCTION", `jump to slot ${slot}`);
    return index;
  }

  #target(instruction: Instruction, index: number): number {
    if (instruction.target === undefined) return this.#slotOfIndex[index]! + 1 + instruction.offset;
    return this.#labelSlot(instruction.target);
  }

  #labelSlot(label: string): number {
    const slot = this.#slotOfLabel.get(label);
    if (slot === undefined) throw new InterpreterError("BAD_INSTRUCTION", `no label ${label}`);
    return slot;
  }

  #get(register: number): bigint {
    const value = this.#registers[register];
    if (value === undefined) throw new InterpreterError("UNINITIALISED", `r${register} has no value`);
    return value;
  }

  #set(register: number, value: bigint): void {
    this.#registers[register] = value;
  }

  #address(instruction: Instruction, base: number): bigint {
    return BigInt.asUintN(64, this.#get(base) + BigInt(instruction.offset));
  }

  #operand(instruction: Instruction): bigint {
    return usesRegister(instruction.opcode)
      ? this.#get(instruction.src)
      : BigInt.asUintN(64, BigInt(instruction.immediate));
  }

  #alu(instruction: Instruction): void {
    const { opcode, dst } = instruction;
    const operation = operationOf(opcode);
    const bits = classOf(opcode) === CLASS.alu64 ? 64 : 32;
    if (operation === ALU.end) {
      const width = Number(instruction.immediate);
      const value = BigInt.asUintN(width, this.#get(dst));
      this.#set(dst, usesRegister(opcode) ? reverse(value, width) : value);
      return;
    }
    const left = operation === ALU.mov ? 0n : BigInt.asUintN(bits, this.#get(dst));
    const right = operation === ALU.neg ? 0n : BigInt.asUintN(bits, this.#operand(instruction));
    const value = compute(operation, left, right, bits);
    if (value === undefined) throw unknown(instruction);
    this.#set(dst, BigInt.asUintN(bits, value));
  }

  #holds(instruction: Instruction): boolean {
    const wide = classOf(instruction.opcode) === CLASS.jump;
    const bits = wide ? 64 : 32;
    const left = BigInt.asUintN(bits, this.#get(instruction.dst));
    const right = BigInt.asUintN(bits, this.#operand(instruction));
    const sleft = BigInt.asIntN(bits, left);
    const sright = BigInt.asIntN(bits, right);
    switch (operationOf(instruction.opcode)) {
      case JUMP.eq:
        return left === right;
      case JUMP.ne:
        return left !== right;
      case JUMP.gt:
        return left > right;
      case JUMP.ge:
        return left >= right;
      case JUMP.lt:
        return left < right;
      case JUMP.le:
        return left <= right;
      case JUMP.set:
        return (left & right) !== 0n;
      case JUMP.sgt:
        return sleft > sright;
      case JUMP.sge:
        return sleft >= sright;
      case JUMP.slt:
        return sleft < sright;
      case JUMP.sle:
        return sleft <= sright;
      default:
        throw unknown(instruction);
    }
  }

  #wide(instruction: Instruction): bigint {
    const { map } = instruction;
    if (instruction.function !== undefined) {
      return FUNCTIONS_BASE + BigInt(this.#labelSlot(instruction.function));
    }
    if (map === undefined) return BigInt.asUintN(64, BigInt(instruction.immediate));
    const address =
      instruction.src === PSEUDO.mapValue
        ? this.#options.mapValueAddress?.(map.name, map.value ?? 0)
        : this.#options.mapAddress?.(map.name);
    if (address === undefined) throw new InterpreterError("BAD_INSTRUCTION", `no map ${map.name}`);
    return address;
  }

  #call(instruction: Instruction, index: number): void {
    const args = [1, 2, 3, 4, 5].map((register) => this.#registers[register]);
    let value: bigint;
    if (instruction.src === PSEUDO_CALL) {
      const slot =
        instruction.function === undefined
          ? this.#slotOfIndex[index]! + 1 + Number(instruction.immediate)
          : this.#labelSlot(instruction.function);
      value = this.#function(slot, args);
    } else {
      const helper = this.#options.helper;
      if (!helper) throw new InterpreterError("BAD_INSTRUCTION", `no helper ${instruction.immediate}`);
      value = helper(Number(instruction.immediate), args, {
        memory: this.#memory,
        call: (address, callArgs) => this.#function(Number(address - FUNCTIONS_BASE), callArgs),
      });
    }
    for (let register = 1; register <= 5; register++) this.#registers[register] = undefined;
    this.#set(0, BigInt.asUintN(64, value));
  }

  #atomic(instruction: Instruction): void {
    const size = sizeOf(instruction.opcode);
    const bits = 8 * size;
    const address = this.#address(instruction, instruction.dst);
    const old = this.#memory.load(address, size);
    const source = BigInt.asUintN(bits, this.#get(instruction.src));
    const kind = Number(instruction.immediate);
    if (kind === ATOMIC.compareExchange) {
      if (old === BigInt.asUintN(bits, this.#get(0))) this.#memory.store(address, size, source);
      this.#set(0, old);
      return;
    }
    const operation = kind & ~FETCH & 0xff;
    const value = kind === ATOMIC.exchange ? source : compute(operation, old, source, bits);
    if (value === undefined) throw unknown(instruction);
    this.#memory.store(address, size, BigInt.asUintN(bits, value));
    if (kind & FETCH) this.#set(instruction.src, old);
  }
}

/** dst after `operation`; may exceed `bits`. */
function compute(operation: number, left: bigint, right: bigint, bits: number): bigint | undefined {
  const count = right & BigInt(bits - 1);
  switch (operation) {
    case ALU.add:
      return left + right;
    case ALU.sub:
      return left - right;
    case ALU.mul:
      return left * right;
    case ALU.div:
      return right === 0n ? 0n : left / right;
    case ALU.mod:
      return right === 0n ? left : left % right;
    case ALU.or:
      return left | right;
    case ALU.and:
      return left & right;
    case ALU.xor:
      return left ^ right;
    case ALU.lsh:
      return left << count;
    case ALU.rsh:
      return left >> count;
    case ALU.arsh:
      return BigInt.asIntN(bits, left) >> count;
    case ALU.neg:
      return -left;
    case ALU.mov:
      return right;
    default:
      return undefined;
  }
}

function reverse(value: bigint, bits: number): bigint {
  let result = 0n;
  for (let i = 0; i < bits; i += 8) result = (result << 8n) | ((value >> BigInt(i)) & 0xffn);
  return result & (bits === 64 ? 0xffff_ffff_ffff_ffffn : bits === 32 ? MASK32 : 0xffffn);
}

function unknown(instruction: Instruction): InterpreterError {
  return new InterpreterError("BAD_INSTRUCTION", `unknown opcode 0x${instruction.opcode.toString(16)}`);
}
