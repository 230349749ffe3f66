/**
 * Instructions as text, in the notation of `bpftool prog dump xlated`, with names where bpftool has numbers:
 *
 *     main:
 *     ; return packet.length > 100 ? TC_SHOT : TC_OK
 *        0: (61) r2 = *(u32 *)(r1 +0)
 *        1: (25) if r2 > 0x64 goto drop
 */
import { type Instruction, slotsOf } from "./instruction.ts";
import {
  ALU,
  ATOMIC,
  CLASS,
  classOf,
  JUMP,
  LOAD_IMMEDIATE_64,
  MODE,
  operationOf,
  PSEUDO,
  PSEUDO_CALL,
  sizeOf,
  usesRegister,
} from "./opcode.ts";

export interface DisassembleOptions {
  /** Print the source line whenever it changes, as `; text`. Default false. */
  readonly source?: boolean;
  /** Print slot number and opcode before each instruction. Default true. */
  readonly numbers?: boolean;
}

const ALU_SIGNS: Readonly<Record<number, string>> = {
  [ALU.add]: "+=",
  [ALU.sub]: "-=",
  [ALU.mul]: "*=",
  [ALU.div]: "/=",
  [ALU.mod]: "%=",
  [ALU.or]: "|=",
  [ALU.and]: "&=",
  [ALU.xor]: "^=",
  [ALU.lsh]: "<<=",
  [ALU.rsh]: ">>=",
  [ALU.arsh]: "s>>=",
  [ALU.mov]: "=",
};

const JUMP_SIGNS: Readonly<Record<number, string>> = {
  [JUMP.eq]: "==",
  [JUMP.ne]: "!=",
  [JUMP.gt]: ">",
  [JUMP.ge]: ">=",
  [JUMP.lt]: "<",
  [JUMP.le]: "<=",
  [JUMP.set]: "&",
  [JUMP.sgt]: "s>",
  [JUMP.sge]: "s>=",
  [JUMP.slt]: "s<",
  [JUMP.sle]: "s<=",
};

const ATOMIC_SIGNS: Readonly<Record<number, [string, string]>> = {
  [ATOMIC.add]: ["+=", "add"],
  [ATOMIC.or]: ["|=", "or"],
  [ATOMIC.and]: ["&=", "and"],
  [ATOMIC.xor]: ["^=", "xor"],
};

/** The program as text, one instruction a line, labels on lines of their own. */
export function disassemble(instructions: readonly Instruction[], options: DisassembleOptions = {}): string {
  const lines: string[] = [];
  const numbers = options.numbers ?? true;
  let slot = 0;
  let shown = "";
  for (const instruction of instructions) {
    if (instruction.label !== undefined) lines.push(`${instruction.label}:`);
    const at = instruction.at;
    if (options.source && at) {
      const place = `${at.file}:${at.line}`;
      if (place !== shown) lines.push(`; ${at.text.trim()}`);
      shown = place;
    }
    const text = formatInstruction(instruction);
    const opcode = instruction.opcode.toString(16).padStart(2, "0");
    lines.push(numbers ? `${String(slot).padStart(4)}: (${opcode}) ${text}` : `  ${text}`);
    slot += slotsOf(instruction);
  }
  return lines.join("\n");
}

/** One instruction as text. */
export function formatInstruction(instruction: Instruction): string {
  const { opcode } = instruction;
  switch (classOf(opcode)) {
    case CLASS.alu32:
    case CLASS.alu64:
      return formatAlu(instruction);
    case CLASS.jump:
    case CLASS.jump32:
      return formatJump(instruction);
    case CLASS.ldx:
      if ((opcode & 0xe0) !== MODE.mem) break;
      return `r${instruction.dst} = ${memory(instruction, instruction.src)}`;
    case CLASS.st:
      if ((opcode & 0xe0) !== MODE.mem) break;
      return `${memory(instruction, instruction.dst)} = ${instruction.immediate}`;
    case CLASS.stx:
      if ((opcode & 0xe0) === MODE.atomic) return formatAtomic(instruction);
      if ((opcode & 0xe0) !== MODE.mem) break;
      return `${memory(instruction, instruction.dst)} = r${instruction.src}`;
    default:
      if (opcode === LOAD_IMMEDIATE_64) return `r${instruction.dst} = ${wideOperand(instruction)}`;
  }
  return `BUG_${opcode.toString(16).padStart(2, "0")}`;
}

function memory(instruction: Instruction, base: number): string {
  return `*(u${8 * sizeOf(instruction.opcode)} *)(r${base} ${signed(instruction.offset)})`;
}

function signed(value: number): string {
  return value < 0 ? String(value) : `+${value}`;
}

function hex(value: number): string {
  return `0x${(value >>> 0).toString(16)}`;
}

function wideOperand(instruction: Instruction): string {
  const { src, map } = instruction;
  if (instruction.function !== undefined) return `subprog[${instruction.function}]`;
  if (map !== undefined) {
    return src === PSEUDO.mapValue ? `map[${map.name}][0]+${map.value ?? 0}` : `map[${map.name}]`;
  }
  const value = BigInt.asUintN(64, BigInt(instruction.immediate));
  switch (src) {
    case PSEUDO.map:
      return `map[fd:${value & 0xffffffffn}]`;
    case PSEUDO.mapValue:
      return `map[fd:${value & 0xffffffffn}][0]+${value >> 32n}`;
    case PSEUDO.function:
      return `subprog[${signed(Number(BigInt.asIntN(32, value)))}]`;
    default:
      return `0x${value.toString(16)}`;
  }
}

function formatAlu(instruction: Instruction): string {
  const { opcode, dst, src, immediate } = instruction;
  const letter = classOf(opcode) === CLASS.alu32 ? "w" : "r";
  const operation = operationOf(opcode);
  if (operation === ALU.neg) return `${letter}${dst} = -${letter}${dst}`;
  if (operation === ALU.end) {
    return `r${dst} = ${usesRegister(opcode) ? "be" : "le"}${immediate} r${dst}`;
  }
  const sign = ALU_SIGNS[operation] ?? "?";
  return `${letter}${dst} ${sign} ${usesRegister(opcode) ? `${letter}${src}` : immediate}`;
}

function formatJump(instruction: Instruction): string {
  const { opcode, dst, src, immediate } = instruction;
  const to = instruction.target ?? `pc${signed(instruction.offset)}`;
  const operation = operationOf(opcode);
  if (operation === JUMP.exit) return "exit";
  if (operation === JUMP.always) return `goto ${to}`;
  if (operation === JUMP.call) {
    if (src === PSEUDO_CALL) return `call ${instruction.function ?? `pc${signed(Number(immediate))}`}`;
    return `call ${instruction.helper ?? ""}#${immediate}`;
  }
  const letter = classOf(opcode) === CLASS.jump32 ? "w" : "r";
  const operand = usesRegister(opcode) ? `${letter}${src}` : hex(Number(immediate));
  return `if ${letter}${dst} ${JUMP_SIGNS[operation] ?? "?"} ${operand} goto ${to}`;
}

function formatAtomic(instruction: Instruction): string {
  const { opcode, dst, src, offset } = instruction;
  const size = sizeOf(opcode);
  const place = `(u${8 * size} *)(r${dst} ${signed(offset)})`;
  const prefix = size === 8 ? "atomic64" : "atomic";
  const immediate = Number(instruction.immediate);
  if (immediate === ATOMIC.compareExchange) return `r0 = ${prefix}_cmpxchg(${place}, r0, r${src})`;
  if (immediate === ATOMIC.exchange) return `r${src} = ${prefix}_xchg(${place}, r${src})`;
  const [sign, name] = ATOMIC_SIGNS[immediate & 0xf0] ?? ["?", "?"];
  return immediate & 1
    ? `r${src} = ${prefix}_fetch_${name}(${place}, r${src})`
    : `lock *${place} ${sign} r${src}`;
}
