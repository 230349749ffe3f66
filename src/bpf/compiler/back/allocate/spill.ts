/** Moves registers that got no colour to the stack, or computes them again where they are read. */

import { alu, load, type Register, store } from "../../../asm/index.ts";
import {
  ALU,
  CLASS,
  classOf,
  JUMP,
  LOAD_IMMEDIATE_64,
  operationOf,
  usesRegister,
} from "../../../asm/opcode.ts";
import type { SourcePosition } from "../../../ir.ts";
import {
  FIRST_VIRTUAL,
  FRAME_POINTER,
  isMove,
  type MachineBlock,
  type MachineFunction,
  type MachineInstruction,
  type MachineTerminator,
  readsOf,
  terminatorReads,
  writesOf,
} from "../machine.ts";

/** What is known about registers from earlier rounds. */
export interface SpillState {
  /** Registers that live for one instruction only. */
  readonly unspillable: Set<number>;
  /** Registers that hold the value of a spill slot for a while: spilling them costs loads, but no slot and no store. */
  readonly homes: Map<number, number>;
  /** Registers that are copies of spilled ones, shared by several uses. */
  readonly shared: Set<number>;
}

/** Registers assigned once by an instruction that needs no register: cheaper to repeat than to keep. */
export function rematerialisable(source: MachineFunction): Map<number, MachineInstruction> {
  const definitions = new Map<number, MachineInstruction>();
  const several = new Set<number>();
  for (const block of source.blocks) {
    for (const instruction of block.instructions) {
      for (const register of writesOf(instruction)) {
        if (definitions.has(register)) several.add(register);
        definitions.set(register, instruction);
      }
    }
  }
  for (const [register, instruction] of definitions) {
    if (register < FIRST_VIRTUAL || several.has(register) || !isConstant(instruction))
      definitions.delete(register);
  }
  return definitions;
}

function isConstant(instruction: MachineInstruction): boolean {
  const { opcode } = instruction;
  if (opcode === LOAD_IMMEDIATE_64) return true;
  const kind = classOf(opcode);
  const isAlu = kind === CLASS.alu64 || kind === CLASS.alu32;
  return isAlu && operationOf(opcode) === ALU.mov && !usesRegister(opcode);
}

/**
 * Rewrites the function so that each of `registers` lives on the stack, and in a register only where it is used; uses
 * close to each other share one load.
 */
export function spillRegisters(
  source: MachineFunction,
  registers: readonly number[],
  state: SpillState,
): void {
  const spiller = new Spiller(source, new Set(registers), state);
  for (const block of source.blocks) spiller.block(block);
}

/** How many instructions a loaded value waits for its next use. */
const PATIENCE = 8;

/** A register that holds a spilled one's value within a block. */
interface Copy {
  readonly register: number;
  /** Index of the instruction that used it last. */
  lastUse: number;
}

class Spiller {
  readonly #source: MachineFunction;
  readonly #spilled: ReadonlySet<number>;
  readonly #state: SpillState;
  readonly #constants: ReadonlyMap<number, MachineInstruction>;
  readonly #slots = new Map<number, number>();
  readonly #bounded: ReadonlySet<number>;
  #copies = new Map<number, Copy>();
  #instructions: readonly MachineInstruction[] = [];
  #terminator: MachineTerminator = { op: "exit" };
  #out: MachineInstruction[] = [];
  #index = 0;

  constructor(source: MachineFunction, spilled: ReadonlySet<number>, state: SpillState) {
    this.#source = source;
    this.#spilled = spilled;
    this.#state = state;
    this.#constants = rematerialisable(source);
    this.#bounded = boundedByBranches(source, spilled);
    for (const register of spilled) {
      const home = state.homes.get(register);
      if (home !== undefined) this.#slots.set(register, home);
      else if (!this.#constants.has(register)) this.#slots.set(register, source.nextSpill++);
    }
  }

  block(block: MachineBlock): void {
    this.#out = [];
    this.#copies = new Map();
    this.#instructions = block.instructions;
    this.#terminator = block.terminator;
    for (const [index, instruction] of block.instructions.entries()) {
      this.#index = index;
      this.#instruction(instruction);
    }
    this.#index = block.instructions.length;
    const { terminator } = block;
    if (terminator.op === "branch") {
      const place = terminator.at ? { at: terminator.at } : {};
      const replace = (register: number): number =>
        this.#spilled.has(register) ? this.#read(register, place) : register;
      terminator.left = replace(terminator.left);
      if ("reg" in terminator.right) terminator.right = { reg: replace(terminator.right.reg) };
    }
    block.instructions = this.#out;
  }

  #instruction(instruction: MachineInstruction): void {
    const reads = readsOf(instruction).filter((register) => this.#spilled.has(register));
    const writes = writesOf(instruction).filter((register) => this.#spilled.has(register));
    if (isCall(instruction)) this.#copies.clear();
    if (reads.length === 0 && writes.length === 0) {
      this.#out.push(instruction);
      return;
    }
    if (writes.some((register) => this.#constants.has(register))) return;
    if (this.#isOwnTraffic(instruction)) return;
    if (isMove(instruction) && this.#move(instruction)) return;
    const names = new Map<number, number>();
    for (const register of new Set(reads)) names.set(register, this.#read(register, instruction));
    for (const register of writes) if (!names.has(register)) names.set(register, this.#newCopy(register));
    this.#out.push(renamed(instruction, (register) => names.get(register) ?? register));
    for (const register of writes) {
      const name = names.get(register)!;
      this.#forgetOthers(register, name);
      // A copy that is spilled itself is used by this one instruction.
      if (this.#state.shared.has(register)) this.#copies.delete(register);
      this.#save(register, name, instruction);
    }
  }

  /** The load that filled a copy, or the store that wrote it home: made again where needed. */
  #isOwnTraffic(instruction: MachineInstruction): boolean {
    if (instruction.spill === undefined) return false;
    const register = classOf(instruction.opcode) === CLASS.stx ? instruction.src : instruction.dst;
    return this.#spilled.has(register) && this.#state.homes.get(register) === instruction.spill;
  }

  /** Moves to and from the stack need no third register. */
  #move(instruction: MachineInstruction): boolean {
    const { dst, src } = instruction;
    if (dst === src) return true;
    if (!this.#spilled.has(dst)) {
      if (this.#copies.has(src)) return false;
      this.#out.push(this.#fetch(src, dst, instruction));
      return true;
    }
    const next = this.#instructions[this.#index + 1];
    if (next && writesOf(next).includes(dst) && readsOf(next).includes(dst) && !isCall(next)) {
      // The first half of `dst = src op …`: what is worth saving comes from the second.
      const name = this.#newCopy(dst);
      this.#copies.set(dst, { register: name, lastUse: this.#index });
      const source = this.#copies.get(src);
      if (source) this.#keep(source.register, src);
      const from = source?.register ?? src;
      const fetches = this.#spilled.has(from);
      this.#out.push(
        fetches ? this.#fetch(src, name, instruction) : { ...instruction, dst: name, src: from },
      );
      return true;
    }
    if (!this.#spilled.has(src)) {
      if (src === FRAME_POINTER) return false;
      let from = src;
      this.#copies.delete(dst);
      if (this.#isReadSoon(dst)) {
        from = this.#newCopy(dst);
        this.#out.push({ ...instruction, dst: from });
      }
      this.#save(dst, from, instruction);
      return true;
    }
    const copy = this.#copies.get(src);
    this.#copies.delete(dst);
    if (copy) {
      copy.lastUse = this.#index;
      this.#keep(copy.register, src);
      this.#save(dst, copy.register, instruction);
      return true;
    }
    const register = this.#temporary();
    const mark = this.#slots.has(src) ? { copies: true } : {};
    this.#out.push({ ...this.#fetch(src, register, instruction), ...mark });
    this.#save(dst, register, instruction, mark);
    return true;
  }

  /** True if a register is read by one of the next instructions, with no call in between. */
  #isReadSoon(register: number): boolean {
    for (let index = this.#index + 1; index <= this.#index + PATIENCE; index++) {
      const instruction = this.#instructions[index];
      if (!instruction) return terminatorReads(this.#terminator).includes(register);
      if (isCall(instruction)) return false;
      if (readsOf(instruction).includes(register)) return true;
    }
    return false;
  }

  #temporary(): number {
    const register = this.#source.nextRegister++;
    this.#state.unspillable.add(register);
    return register;
  }

  /** A register with the value of a spilled one. */
  #read(register: number, like: { readonly at?: SourcePosition }): number {
    const copy = this.#copies.get(register);
    if (copy && this.#index - copy.lastUse <= PATIENCE) {
      copy.lastUse = this.#index;
      this.#keep(copy.register, register);
      return copy.register;
    }
    const name = this.#newCopy(register);
    this.#out.push(this.#fetch(register, name, like));
    return name;
  }

  #newCopy(register: number): number {
    const name = this.#temporary();
    // A copy that has to be spilled itself is not shared again.
    if (!this.#state.shared.has(register))
      this.#copies.set(register, { register: name, lastUse: this.#index });
    return name;
  }

  /** A copy that lives for longer than an instruction can be spilled in turn. */
  #keep(name: number, register: number): void {
    if (this.#state.shared.has(register)) return;
    this.#state.unspillable.delete(name);
    this.#state.shared.add(name);
    const slot = this.#slots.get(register);
    if (slot !== undefined) this.#state.homes.set(name, slot);
  }

  /** `name` now holds `register` alone. */
  #forgetOthers(register: number, name: number): void {
    for (const [other, copy] of this.#copies) {
      if (other !== register && copy.register === name) this.#copies.delete(other);
    }
  }

  #fetch(register: number, into: number, { at }: { readonly at?: SourcePosition }): MachineInstruction {
    const place = at ? { at } : {};
    const constant = this.#constants.get(register);
    if (constant) return { ...constant, dst: into, ...place };
    return { ...load(into as Register, FRAME_POINTER, 0, 8), ...place, spill: this.#slots.get(register)! };
  }

  /**
   * Stores what is to be kept. The verifier must see that what is loaded later is the same number that a branch compares:
   * before Linux 6.8 it does for numbers that were moved before they were stored, even to where they are.
   */
  #save(register: number, from: number, { at }: { readonly at?: SourcePosition }, mark = {}): void {
    const place = at ? { at } : {};
    if (this.#bounded.has(register)) {
      this.#out.push({ ...alu.mov.reg(from as Register, from as Register), ...place, tells: true });
    }
    const save = store(FRAME_POINTER, 0, from as Register, 8);
    this.#out.push({ ...save, ...place, spill: this.#slots.get(register)!, ...mark });
  }
}

/** Those of `registers` whose bounds branches tell. */
function boundedByBranches(source: MachineFunction, registers: ReadonlySet<number>): Set<number> {
  const found = new Set<number>();
  for (const { terminator } of source.blocks) {
    if (terminator.op !== "branch" || !ORDERS.has(terminator.comparison)) continue;
    for (const register of terminatorReads(terminator)) if (registers.has(register)) found.add(register);
  }
  return found;
}

const ORDERS: ReadonlySet<string> = new Set(["lt", "le", "gt", "ge", "slt", "sle", "sgt", "sge"]);

function isCall(instruction: MachineInstruction): boolean {
  return classOf(instruction.opcode) === CLASS.jump && operationOf(instruction.opcode) === JUMP.call;
}

/** The instruction with its virtual registers renamed. */
export function renamed(
  instruction: MachineInstruction,
  name: (register: number) => number,
): MachineInstruction {
  const kind = classOf(instruction.opcode);
  // `src` of calls and 64-bit immediates says what the immediate is.
  if (kind === CLASS.ld) return { ...instruction, dst: name(instruction.dst) };
  if (kind === CLASS.jump || kind === CLASS.jump32) return instruction;
  return { ...instruction, dst: name(instruction.dst), src: name(instruction.src) };
}

/** r = r + 0 and the like, left over when two sides of a move became one register. */
export function isNoOperation(instruction: MachineInstruction): boolean {
  if (isMove(instruction)) return instruction.dst === instruction.src && !instruction.tells;
  const { opcode } = instruction;
  return opcode === alu.add.imm(0, 0).opcode && instruction.immediate === 0;
}
