/** Rules for extensions and byte swaps. */
import type { Instruction, Operand } from "../../../ir.ts";
import { evaluateExtend, evaluateSwap } from "../evaluate.ts";
import { instructionOf } from "./definitions.ts";
import { fitsBits } from "./ranges.ts";
import { moveTo, type Rules } from "./simplify.ts";

/**
 * The operand before extensions and masks that change only bits from `bits` on, for readers of the low bits alone;
 * undefined if there are none.
 */
export function withoutHighBits(operand: Operand, bits: number, rules: Rules): Operand | undefined {
  if (!("reg" in operand)) {
    const value = BigInt.asUintN(bits, operand.value);
    return value === operand.value ? undefined : { value };
  }
  let current: Operand = operand;
  for (;;) {
    const definition = instructionOf(rules.definitions, current);
    if (definition?.op === "extend" && definition.bits >= bits) current = definition.src;
    else if (definition?.op === "alu" && definition.operation === "and" && isMask(definition.right, bits)) {
      if (definition.width < bits) break;
      current = definition.left;
    } else break;
  }
  return current === operand ? undefined : current;
}

function isMask(operand: Operand, bits: number): boolean {
  const ones = (1n << BigInt(bits)) - 1n;
  return "value" in operand && (operand.value & ones) === ones;
}

export function simplifyExtend(
  instruction: Extract<Instruction, { op: "extend" }>,
  rules: Rules,
): Instruction | undefined {
  const { bits, src } = instruction;
  if ("value" in src)
    return moveTo(instruction, { value: evaluateExtend(bits, instruction.signed, src.value) });
  const stripped = withoutHighBits(src, bits, rules);
  const source = rules.ranges.of(src);
  if (!instruction.signed && fitsBits(source, bits)) return moveTo(instruction, src);
  const limit = 1n << BigInt(bits - 1);
  if (instruction.signed && source.low >= -limit && source.high < limit) return moveTo(instruction, src);
  if (stripped) return { ...instruction, src: stripped };
  if (instruction.signed) return undefined;
  const definition = instructionOf(rules.definitions, src);
  if (definition?.op !== "alu") return undefined;
  const onlyHere = rules.uses.get(src.reg) === 1;
  if (definition.operation === "and" && "value" in definition.right) {
    const value = definition.right.value & ((1n << BigInt(bits)) - 1n);
    return { ...definition, width: 64, dst: instruction.dst, right: { value } };
  }
  // The low half of these depends on the low halves only, and 32-bit operations zero the rest.
  const low = ["add", "sub", "mul", "and", "or", "xor"].includes(definition.operation);
  if (bits === 32 && onlyHere && (low || definition.width === 32)) {
    return { ...definition, width: 32, dst: instruction.dst };
  }
  if (bits === 32 && onlyHere && definition.operation === "lsh" && "value" in definition.right) {
    if (definition.right.value < 32n) return { ...definition, width: 32, dst: instruction.dst };
  }
  return undefined;
}

export function simplifySwap(
  instruction: Extract<Instruction, { op: "swap" }>,
  rules: Rules,
): Instruction | undefined {
  const { bits, src } = instruction;
  if ("value" in src) return moveTo(instruction, { value: evaluateSwap(bits, src.value) });
  const stripped = bits === 64 ? undefined : withoutHighBits(src, bits, rules);
  if (stripped) return { ...instruction, src: stripped };
  const definition = instructionOf(rules.definitions, src);
  if (definition?.op === "swap" && definition.bits === bits) {
    if (bits === 64) return moveTo(instruction, definition.src);
    const { dst, at } = instruction;
    const place = at ? { at } : {};
    if (bits === 16 || bits === 32) {
      return { ...place, op: "extend", bits, signed: false, dst, src: definition.src };
    }
  }
  return undefined;
}
