/**
 * The intermediate representation between the front end (which reads kernel TypeScript) and the back end (which
 * writes eBPF). Plain data: a function is a list of basic blocks of three-address instructions over virtual registers.
 *
 * The front end emits it in non-SSA form: a register may be assigned several times (a `let`, the result of `? :`).
 * Every register is 64 bits wide and holds the exact mathematical value of its expression (numbers sign-extended,
 * u64 as is, booleans 0/1, references addresses, null 0).
 */
import type { MapDefinition } from "./map.ts";

/** A virtual register, unique within its function. */
export type Reg = number & { readonly reg?: never };

/** A register, or a 64-bit constant (as a bigint, taken modulo 2^64). */
export type Operand = { readonly reg: Reg } | { readonly value: bigint };

/** A place in the source: line and column count from 1. */
export interface SourcePosition {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** The text of the whole line, without its line break. */
  readonly text: string;
}

export type AluOperation =
  | "add"
  | "sub"
  | "mul"
  | "div"
  | "mod"
  | "and"
  | "or"
  | "xor"
  | "lsh"
  | "rsh"
  | "arsh";
export type Comparison = "eq" | "ne" | "lt" | "le" | "gt" | "ge" | "slt" | "sle" | "sgt" | "sge";
export type Size = 1 | 2 | 4 | 8;

export type Instruction = { readonly at?: SourcePosition } /** dst = src */ & (
  | { readonly op: "move"; readonly dst: Reg; readonly src: Operand }
  /** dst = left OP right, unsigned div/mod (division by zero: div 0, mod left), shifts by right mod width; width 32 zero-extends. */
  | {
      readonly op: "alu";
      readonly operation: AluOperation;
      readonly width: 32 | 64;
      readonly dst: Reg;
      readonly left: Operand;
      readonly right: Operand;
    }
  /** dst = the low `bits` bits of src, sign- or zero-extended to 64. */
  | {
      readonly op: "extend";
      readonly bits: 8 | 16 | 32;
      readonly signed: boolean;
      readonly dst: Reg;
      readonly src: Operand;
    }
  /** dst = src with the bytes of its low `bits` bits reversed, zero-extended. */
  | { readonly op: "swap"; readonly bits: 16 | 32 | 64; readonly dst: Reg; readonly src: Operand }
  /** dst = src, in a way that leaves the verifier in the dark about its value. */
  | { readonly op: "hide"; readonly dst: Reg; readonly src: Operand }
  /** dst = (left COMPARISON right) ? 1 : 0, on 64 bits. */
  | {
      readonly op: "compare";
      readonly comparison: Comparison;
      readonly dst: Reg;
      readonly left: Operand;
      readonly right: Operand;
    }
  /** dst = zero-extended memory at base + offset. `volatile`: never merged with another load. */
  | {
      readonly op: "load";
      readonly size: Size;
      readonly dst: Reg;
      readonly base: Reg;
      readonly offset: number;
      readonly volatile?: boolean;
    }
  | {
      readonly op: "store";
      readonly size: Size;
      readonly base: Reg;
      readonly offset: number;
      readonly value: Operand;
    }
  /** Atomic read-modify-write of 4 or 8 bytes; `dst`, if there, is the old value (zero-extended). `expected` for cmpxchg. */
  | {
      readonly op: "atomic";
      readonly operation: "add" | "and" | "or" | "xor" | "exchange" | "compareExchange";
      readonly size: 4 | 8;
      readonly base: Reg;
      readonly offset: number;
      readonly value: Operand;
      readonly expected?: Operand;
      readonly dst?: Reg;
    }
  /** dst = address of stack slot `slot` of this function. */
  | { readonly op: "stackAddress"; readonly dst: Reg; readonly slot: number }
  /** dst = the map as helpers take it. */
  | { readonly op: "mapAddress"; readonly dst: Reg; readonly map: MapDefinition }
  /** dst = address of byte `offset` of element 0 of an array map (no lookup). */
  | {
      readonly op: "mapValueAddress";
      readonly dst: Reg;
      readonly map: MapDefinition;
      readonly offset: number;
    }
  /** dst = address of another function (for callbacks); that function is never inlined or dropped. */
  | { readonly op: "functionAddress"; readonly dst: Reg; readonly function: string }
  /** dst = kernel helper `id` (at most 5 arguments). */
  | {
      readonly op: "helper";
      readonly id: number;
      readonly name: string;
      readonly dst?: Reg;
      readonly args: readonly Operand[];
      /** The helper may move packet data: packet pointers derived before it are dead after it. */
      readonly invalidatesPackets: boolean;
      /** No side effect: may be dropped when dst is unused. */
      readonly pure?: boolean;
    }
  /** dst = another kernel function. */
  | { readonly op: "call"; readonly function: string; readonly dst?: Reg; readonly args: readonly Operand[] }
);

export type Terminator = { readonly at?: SourcePosition } & (
  | { readonly op: "jump"; readonly target: BlockId }
  | {
      readonly op: "branch";
      readonly comparison: Comparison;
      readonly left: Operand;
      readonly right: Operand;
      readonly then: BlockId;
      readonly otherwise: BlockId;
    }
  /** `value` is absent in functions that return nothing. */
  | { readonly op: "return"; readonly value?: Operand }
);

export type BlockId = number;

export interface Block {
  readonly id: BlockId;
  instructions: Instruction[];
  terminator: Terminator;
}

/** Memory on the stack. The front end emits the stores that initialise it. */
export interface StackSlot {
  readonly size: number;
  readonly align: number;
  readonly name: string;
}

export interface IrFunction {
  readonly name: string;
  /** Registers that hold the arguments on entry, in order (R1…R5 in eBPF). */
  readonly parameters: readonly Reg[];
  readonly returnsValue: boolean;
  /** The entry block is the first. */
  blocks: Block[];
  slots: StackSlot[];
  /** The next unused register number. */
  nextRegister: number;
  /** Registers known to point into packet data at their definition (the front end's `packet.header` results). */
  readonly packetRegisters: Set<Reg>;
  /** For messages and BTF: names of registers that were variables. */
  readonly names: Map<Reg, string>;
  /** Callbacks, entries and separate functions are `never`; functions that their author marked so are `always`. */
  readonly inline: "auto" | "never" | "always";
  /**
   * A function that the verifier checks once, by itself, knowing nothing of the arguments but these types (a global
   * function of BPF). It brings its parameters, and its callers the result, into range before use.
   */
  readonly separate?: readonly ("packet" | "scalar")[];
  readonly at: SourcePosition;
}

/** All functions reachable from the entry. */
export interface IrModule {
  readonly entry: string;
  readonly functions: ReadonlyMap<string, IrFunction>;
}
