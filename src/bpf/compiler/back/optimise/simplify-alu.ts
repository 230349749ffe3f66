/** Rules for arithmetic. */
import type { AluOperation, Instruction, Operand } from "../../../ir.ts";
import { unsigned } from "../evaluate.ts";
import { sameOperand } from "../operands.ts";
import { instructionOf } from "./definitions.ts";
import { fitsBits, foldAlu } from "./ranges.ts";
import { moveTo, type Rules } from "./simplify.ts";
import { withoutHighBits } from "./simplify-width.ts";

type Alu = Extract<Instruction, { op: "alu" }>;

const COMMUTATIVE: ReadonlySet<AluOperation> = new Set(["add", "mul", "and", "or", "xor"]);
const SHIFTS: ReadonlySet<AluOperation> = new Set(["lsh", "rsh", "arsh"]);

export function simplifyAlu(instruction: Alu, rules: Rules): Instruction | undefined {
  const folded = foldAlu(instruction);
  if (folded !== undefined) return moveTo(instruction, { value: folded });
  const { operation, left, right } = instruction;
  if (COMMUTATIVE.has(operation) && "value" in left) return { ...instruction, left: right, right: left };
  return (
    simplifyWidth(instruction, rules) ??
    simplifySame(instruction) ??
    ("value" in right
      ? (simplifyConstant(instruction, unsigned(right.value), rules) ??
        reassociate(instruction, unsigned(right.value), rules))
      : undefined)
  );
}

/** Operations of 32 bits read the low halves only, and may as well be of 64 bits if no bit is lost. */
function simplifyWidth(instruction: Alu, rules: Rules): Instruction | undefined {
  const { operation, width, left, right } = instruction;
  if (width !== 32) return undefined;
  const strip = (operand: Operand): Operand | undefined =>
    isCompared(operand, rules) ? undefined : withoutHighBits(operand, 32, rules);
  const newLeft = strip(left);
  const newRight = strip(right);
  if (newLeft || newRight) return { ...instruction, left: newLeft ?? left, right: newRight ?? right };
  const bitwise = operation === "and" || operation === "or" || operation === "xor";
  const fits = (operand: Operand): boolean => fitsBits(rules.ranges.of(operand), 32);
  if (bitwise && fits(left) && fits(right)) return { ...instruction, width: 64 };
  if (operation === "rsh" && fits(left) && "value" in right && right.value < 32n) {
    return { ...instruction, width: 64 };
  }
  return undefined;
}

/** Whether the verifier may know more of this register than of those that it comes from. */
function isCompared(operand: Operand, rules: Rules): boolean {
  return "reg" in operand && rules.compared.has(operand.reg);
}

/** Both sides are the same register. */
function simplifySame(instruction: Alu): Instruction | undefined {
  const { operation, left, right } = instruction;
  if (!sameOperand(left, right)) return undefined;
  if (operation === "sub" || operation === "xor") return moveTo(instruction, { value: 0n });
  if (operation === "and" || operation === "or") return copyOf(instruction, left);
  return undefined;
}

/** The left side as the result: itself, or its low half. */
function copyOf(instruction: Alu, operand: Operand): Instruction {
  if (instruction.width === 64) return moveTo(instruction, operand);
  const { dst, at } = instruction;
  return { ...(at ? { at } : {}), op: "extend", bits: 32, signed: false, dst, src: operand };
}

function simplifyConstant(instruction: Alu, value: bigint, rules: Rules): Instruction | undefined {
  const { operation, width, left } = instruction;
  const right = BigInt.asUintN(width, value);
  const ones = (1n << BigInt(width)) - 1n;
  if (SHIFTS.has(operation)) {
    const count = right % BigInt(width);
    if (count === 0n) return copyOf(instruction, left);
    return count === value ? undefined : { ...instruction, right: { value: count } };
  }
  const power =
    right !== 0n && (right & (right - 1n)) === 0n ? BigInt(right.toString(2).length - 1) : undefined;
  switch (operation) {
    case "add":
    case "or":
    case "xor":
      if (right === 0n) return copyOf(instruction, left);
      if (operation === "or" && right === ones) return moveTo(instruction, { value: ones });
      return undefined;
    case "sub":
      // One form for both: adding the opposite.
      return { ...instruction, operation: "add", right: { value: BigInt.asUintN(width, -right) } };
    case "mul":
      if (right === 0n) return moveTo(instruction, { value: 0n });
      if (right === 1n) return copyOf(instruction, left);
      return power === undefined ? undefined : { ...instruction, operation: "lsh", right: { value: power } };
    case "div":
      if (right === 0n) return moveTo(instruction, { value: 0n });
      if (right === 1n) return copyOf(instruction, left);
      return power === undefined ? undefined : { ...instruction, operation: "rsh", right: { value: power } };
    case "mod":
      if (right === 0n) return copyOf(instruction, left);
      return power === undefined
        ? undefined
        : { ...instruction, operation: "and", right: { value: right - 1n } };
    default:
      return simplifyMask(instruction, right, rules);
  }
}

function simplifyMask(instruction: Alu, mask: bigint, rules: Rules): Instruction | undefined {
  const { width, left, dst, at } = instruction;
  if (mask === 0n) return moveTo(instruction, { value: 0n });
  const possible = BigInt.asUintN(width, rules.ranges.of(left).bits);
  if ((possible & ~mask) === 0n) return copyOf(instruction, left);
  const place = at ? { at } : {};
  if (mask === 0xffffffffn) return { ...place, op: "extend", bits: 32, signed: false, dst, src: left };
  const definition = instructionOf(rules.definitions, left);
  if (definition?.op === "extend" && mask < 1n << BigInt(definition.bits)) {
    return { ...instruction, left: definition.src };
  }
  return undefined;
}

/** (x ∘ c) ∘ d = x ∘ (c ∘ d), also for addresses: the verifier adds constants up as well. */
function reassociate(instruction: Alu, value: bigint, rules: Rules): Instruction | undefined {
  const { operation, width, left } = instruction;
  const inner = instructionOf(rules.definitions, left);
  if (inner?.op !== "alu" || inner.operation !== operation || inner.width !== width) return undefined;
  if (!("value" in inner.right) || isCompared(left, rules)) return undefined;
  const first = inner.right.value;
  switch (operation) {
    case "add":
      return { ...instruction, left: inner.left, right: { value: BigInt.asUintN(width, first + value) } };
    case "and":
      return { ...instruction, left: inner.left, right: { value: first & value } };
    case "or":
      return { ...instruction, left: inner.left, right: { value: first | value } };
    case "xor":
      return { ...instruction, left: inner.left, right: { value: first ^ value } };
    case "lsh":
    case "rsh":
      if (first + value >= BigInt(width)) return moveTo(instruction, { value: 0n });
      return { ...instruction, left: inner.left, right: { value: first + value } };
    default:
      return undefined;
  }
}
