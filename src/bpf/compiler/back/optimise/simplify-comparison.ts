/** Rules for comparisons, of branches and as values. */
import type { Comparison, Operand } from "../../../ir.ts";
import { evaluateComparison, evaluateSwap, unsigned } from "../evaluate.ts";
import { MIRRORED, NEGATED, sameOperand } from "../operands.ts";
import { instructionOf } from "./definitions.ts";
import { fitsBits, type Range } from "./ranges.ts";
import type { Rules } from "./simplify.ts";

export interface Test {
  readonly comparison: Comparison;
  readonly left: Operand;
  readonly right: Operand;
}

/** A simpler test with the same outcome, the outcome if it is certain, undefined if there is nothing to do. */
export function simplifyComparison(test: Test, rules: Rules): Test | boolean | undefined {
  const { comparison, left, right } = test;
  if ("value" in left && "value" in right) return evaluateComparison(comparison, left.value, right.value);
  if ("value" in left) return { comparison: MIRRORED[comparison], left: right, right: left };
  if (sameOperand(left, right)) return evaluateComparison(comparison, 0n, 0n);
  const certain = decideByRange(comparison, rules.ranges.of(left), rules.ranges.of(right));
  if (certain !== undefined) return certain;
  return (
    unsignedForm(test, rules) ??
    ("value" in right ? againstConstant(test, unsigned(right.value), rules) : bothSwapped(test, rules))
  );
}

/** Outcomes that follow from what values are possible. */
export function decideByRange(comparison: Comparison, left: Range, right: Range): boolean | undefined {
  const below = left.high < right.low;
  const above = left.low > right.high;
  const notAbove = left.high <= right.low;
  const notBelow = left.low >= right.high;
  // Unsigned order is signed order where both have the same sign.
  const sameSign = (left.low >= 0n && right.low >= 0n) || (left.high < 0n && right.high < 0n);
  const kind = comparison.startsWith("s") ? comparison.slice(1) : comparison;
  if (kind === "eq" || kind === "ne") {
    const impossible =
      below || above || (right.low === right.high && (unsigned(right.low) & ~left.bits) !== 0n);
    return impossible ? kind === "ne" : undefined;
  }
  if (!comparison.startsWith("s") && !sameSign) return undefined;
  switch (kind) {
    case "lt":
      return below ? true : notBelow ? false : undefined;
    case "ge":
      return below ? false : notBelow ? true : undefined;
    case "gt":
      return above ? true : notAbove ? false : undefined;
    default:
      return above ? false : notAbove ? true : undefined;
  }
}

/** Signed comparisons of values that are not negative. */
function unsignedForm(test: Test, rules: Rules): Test | undefined {
  const { comparison, left, right } = test;
  if (comparison !== "slt" && comparison !== "sle" && comparison !== "sgt" && comparison !== "sge")
    return undefined;
  if (rules.ranges.of(left).low < 0n || rules.ranges.of(right).low < 0n) return undefined;
  return { ...test, comparison: comparison.slice(1) as Comparison };
}

function againstConstant(test: Test, value: bigint, rules: Rules): Test | boolean | undefined {
  const { comparison, left } = test;
  const definition = instructionOf(rules.definitions, left);
  const equality = comparison === "eq" || comparison === "ne";
  if (definition?.op === "compare" && equality) {
    if (value > 1n) return comparison === "ne";
    const same = (comparison === "ne") === (value === 0n);
    return {
      comparison: same ? definition.comparison : NEGATED[definition.comparison],
      left: definition.left,
      right: definition.right,
    };
  }
  const source = rules.ranges.of(left);
  if (equality && value === 1n && source.bits === 1n) {
    return { comparison: NEGATED[comparison], left, right: { value: 0n } };
  }
  if (definition?.op === "swap" && equality) {
    const { bits } = definition;
    if (bits < 64 && value >> BigInt(bits) !== 0n) return comparison === "ne";
    if (bits === 64 || fitsBits(rules.ranges.of(definition.src), bits)) {
      return { comparison, left: definition.src, right: { value: evaluateSwap(bits, value) } };
    }
  }
  if (definition?.op === "alu" && definition.width === 64 && equality) {
    // x − c = d is left alone: for pointers only comparisons with null keep their meaning.
    if (definition.operation === "xor" && value === 0n) {
      return { comparison, left: definition.left, right: definition.right };
    }
    if (definition.operation === "and" && "value" in definition.right) {
      const mask = unsigned(definition.right.value);
      if (mask === value && (mask & (mask - 1n)) === 0n) {
        return { comparison: NEGATED[comparison], left, right: { value: 0n } };
      }
    }
  }
  // `x > 0` is not made `x != 0`, nor `x < 1` `x == 0`: the verifier learns bounds from order only.
  return undefined;
}

/** Swapped values are equal where the values before are. */
function bothSwapped(test: Test, rules: Rules): Test | undefined {
  const { comparison } = test;
  if (comparison !== "eq" && comparison !== "ne") return undefined;
  const left = instructionOf(rules.definitions, test.left);
  const right = instructionOf(rules.definitions, test.right);
  if (left?.op !== "swap" || right?.op !== "swap" || left.bits !== right.bits) return undefined;
  const narrow = (operand: Operand): boolean =>
    left.bits === 64 || fitsBits(rules.ranges.of(operand), left.bits);
  return narrow(left.src) && narrow(right.src) ? { comparison, left: left.src, right: right.src } : undefined;
}
