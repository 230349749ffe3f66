/** Moves registers that got no colour to the stack, or computes them again where they are read. */
import { alu, load, type Register, store } from "../../../asm/index.ts";
import { ALU, CLASS, classOf, LOAD_IMMEDIATE_64, operationOf, usesRegister } from "../../../asm/opcode.ts";
import {
  FIRST_VIRTUAL,
  FRAME_POINTER,
  isMove,
  type MachineFunction,
  type MachineInstruction,
  readsOf,
  writesOf,
} from "../machine.ts";

/** What is known about registers from earlier rounds. */
export interface SpillState {
  /** Registers that live for one instruction only. */
  readonly unspillable: Set<number>;
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

/** Rewrites the function so that each of `registers` lives only from its load or before its store. */
export function spillRegisters(
  source: MachineFunction,
  registers: readonly number[],
  state: SpillState,
): void {
  const constants = rematerialisable(source);
  const slots = new Map<number, number>();
  const spilled = new Set(registers);
  for (const register of registers) {
    if (!constants.has(register)) slots.set(register, source.nextSpill++);
  }
  const temporary = (): number => {
    const register = source.nextRegister++;
    state.unspillable.add(register);
    return register;
  };
  const fetch = (
    register: number,
    into: number,
    like: MachineInstruction | undefined,
  ): MachineInstruction => {
    const at = like?.at ? { at: like.at } : {};
    const constant = constants.get(register);
    if (constant) return { ...constant, dst: into, ...at };
    return { ...load(into as Register, FRAME_POINTER, 0, 8), ...at, spill: slots.get(register)! };
  };
  const save = (register: number, from: number, like: MachineInstruction): MachineInstruction => ({
    ...store(FRAME_POINTER, 0, from as Register, 8),
    ...(like.at ? { at: like.at } : {}),
    spill: slots.get(register)!,
  });

  for (const block of source.blocks) {
    const out: MachineInstruction[] = [];
    for (const instruction of block.instructions) {
      const reads = readsOf(instruction).filter((register) => spilled.has(register));
      const writes = writesOf(instruction).filter((register) => spilled.has(register));
      if (reads.length === 0 && writes.length === 0) {
        out.push(instruction);
        continue;
      }
      if (writes.some((register) => constants.has(register))) continue;
      if (isMove(instruction)) {
        const { dst, src } = instruction;
        if (dst === src) continue;
        if (spilled.has(src) && !spilled.has(dst)) {
          out.push(fetch(src, dst, instruction));
          continue;
        }
        if (spilled.has(dst) && !spilled.has(src) && src !== FRAME_POINTER) {
          out.push(save(dst, src, instruction));
          continue;
        }
      }
      const names = new Map<number, number>();
      for (const register of new Set([...reads, ...writes])) names.set(register, temporary());
      for (const register of new Set(reads)) out.push(fetch(register, names.get(register)!, instruction));
      out.push(renamed(instruction, (register) => names.get(register) ?? register));
      for (const register of writes) out.push(save(register, names.get(register)!, instruction));
    }
    const { terminator } = block;
    if (terminator.op === "branch") {
      const last = block.instructions.at(-1);
      const names = new Map<number, number>();
      const replace = (register: number): number => {
        if (!spilled.has(register)) return register;
        let name = names.get(register);
        if (name === undefined) {
          name = temporary();
          names.set(register, name);
          const like = terminator.at && last ? { ...last, at: terminator.at } : last;
          out.push(fetch(register, name, like));
        }
        return name;
      };
      terminator.left = replace(terminator.left);
      if ("reg" in terminator.right) terminator.right = { reg: replace(terminator.right.reg) };
    }
    block.instructions = out;
  }
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
  if (isMove(instruction)) return instruction.dst === instruction.src;
  const { opcode } = instruction;
  return opcode === alu.add.imm(0, 0).opcode && instruction.immediate === 0;
}
