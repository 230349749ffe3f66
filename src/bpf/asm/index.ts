/**
 * eBPF assembler: instructions as plain values, labels resolved late, bytes last.
 *
 *     const program = [
 *       alu.mov.imm(R0, 0),
 *       load(R2, R1, 0, 4),
 *       jump.gt.imm(R2, 100, "out"),
 *       alu.mov.imm(R0, 2),
 *       labelled("out", exit()),
 *     ];
 *     const bytes = encode(program, { mapDescriptor: (name) => maps.get(name) });
 */
export { type AluForms, alu, negate, toBigEndian, toLittleEndian } from "./alu.ts";
export { type AtomicName, atomic, atomicCompareExchange, atomicExchange } from "./atomic.ts";
export { callFunction, callHelper } from "./call.ts";
export { decode } from "./decode.ts";
export { type DisassembleOptions, disassemble, formatInstruction } from "./disassemble.ts";
export { type EncodeOptions, encode, labelSlots, SLOT_SIZE } from "./encode.ts";
export { AssemblerError } from "./errors.ts";
export { type Instruction, labelled, type MapReference, positioned, slotsOf } from "./instruction.ts";
export { exit, type JumpForms, jump, jumpTo } from "./jump.ts";
export { load, loadFunction, loadImmediate, loadMap, loadMapValue, store, storeImmediate } from "./memory.ts";
export {
  ALU,
  ATOMIC,
  CLASS,
  type Condition,
  classOf,
  FETCH,
  JUMP,
  LOAD_IMMEDIATE_64,
  operationOf,
  PSEUDO,
  PSEUDO_CALL,
  type Size,
  usesRegister,
} from "./opcode.ts";
export { R0, R1, R2, R3, R4, R5, R6, R7, R8, R9, R10, type Register, STACK_LIMIT } from "./register.ts";
