/** The meaning of the IR's operations on 64-bit values (bigints in 0 … 2^64−1). */
import type { AluOperation, Comparison, Size } from "../../ir.ts";

/** A value as the 64 bits of a register. */
export function unsigned(value: bigint): bigint {
  return BigInt.asUintN(64, value);
}

/** A register's bits read as a signed number. */
export function signed(value: bigint): bigint {
  return BigInt.asIntN(64, value);
}

export function evaluateAlu(operation: AluOperation, width: 32 | 64, left: bigint, right: bigint): bigint {
  const a = BigInt.asUintN(width, left);
  const b = BigInt.asUintN(width, right);
  return BigInt.asUintN(width, aluResult(operation, width, a, b));
}

function aluResult(operation: AluOperation, width: 32 | 64, a: bigint, b: bigint): bigint {
  const shift = b % BigInt(width);
  switch (operation) {
    case "add":
      return a + b;
    case "sub":
      return a - b;
    case "mul":
      return a * b;
    case "div":
      return b === 0n ? 0n : a / b;
    case "mod":
      return b === 0n ? a : a % b;
    case "and":
      return a & b;
    case "or":
      return a | b;
    case "xor":
      return a ^ b;
    case "lsh":
      return a << shift;
    case "rsh":
      return a >> shift;
    case "arsh":
      return BigInt.asIntN(width, a) >> shift;
  }
}

export function evaluateExtend(bits: 8 | 16 | 32, isSigned: boolean, value: bigint): bigint {
  return isSigned ? unsigned(BigInt.asIntN(bits, value)) : BigInt.asUintN(bits, value);
}

export function evaluateSwap(bits: 16 | 32 | 64, value: bigint): bigint {
  let result = 0n;
  for (let shift = 0n; shift < BigInt(bits); shift += 8n) {
    result |= ((value >> shift) & 0xffn) << (BigInt(bits) - 8n - shift);
  }
  return result;
}

export function evaluateComparison(comparison: Comparison, left: bigint, right: bigint): boolean {
  const a = unsigned(left);
  const b = unsigned(right);
  switch (comparison) {
    case "eq":
      return a === b;
    case "ne":
      return a !== b;
    case "lt":
      return a < b;
    case "le":
      return a <= b;
    case "gt":
      return a > b;
    case "ge":
      return a >= b;
    case "slt":
      return signed(a) < signed(b);
    case "sle":
      return signed(a) <= signed(b);
    case "sgt":
      return signed(a) > signed(b);
    case "sge":
      return signed(a) >= signed(b);
  }
}

/** True if a constant fits an immediate that is sign-extended from 32 bits. */
export function fitsImmediate(value: bigint): boolean {
  const number = signed(value);
  return number >= -0x80000000n && number <= 0x7fffffffn;
}

/** The immediate that stores these bytes, if there is one. */
export function storedImmediate(value: bigint, size: Size): number | undefined {
  if (size === 8) return fitsImmediate(value) ? Number(signed(value)) : undefined;
  return Number(BigInt.asIntN(8 * size, value));
}
