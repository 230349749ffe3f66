/** Calls. Arguments in R1–R5, the result in R0; R1–R5 are lost, R6–R9 survive. */
import type { Instruction } from "./instruction.ts";
import { CLASS, JUMP, PSEUDO_CALL } from "./opcode.ts";

/** Calls kernel helper `id`; `name` is for readers. */
export function callHelper(id: number, name?: string): Instruction {
  const instruction = { opcode: CLASS.jump | JUMP.call, dst: 0, src: 0, offset: 0, immediate: id } as const;
  return name === undefined ? instruction : { ...instruction, helper: name };
}

/** Calls the function of this program with that label. */
export function callFunction(label: string): Instruction {
  return {
    opcode: CLASS.jump | JUMP.call,
    dst: 0,
    src: PSEUDO_CALL,
    offset: 0,
    immediate: 0,
    function: label,
  };
}
