/** Interval arithmetic for numbers, as JavaScript computes with them. */
import { type Interval, S32, U32, type WideInterval, within } from "./type.ts";

/** The largest magnitude that arithmetic may reach. */
export const LIMIT = Number.MAX_SAFE_INTEGER;

export function sum(a: Interval, b: Interval): Interval {
  return { low: a.low + b.low, high: a.high + b.high };
}

export function difference(a: Interval, b: Interval): Interval {
  return { low: a.low - b.high, high: a.high - b.low };
}

export function product(a: Interval, b: Interval): Interval {
  return spanned([a.low * b.low, a.low * b.high, a.high * b.low, a.high * b.high]);
}

/** Truncated quotient; a divisor of 0 gives 0. */
export function quotientOf(a: Interval, b: Interval): Interval {
  const divisors = [b.low, b.high, -1, 1].filter((each) => each !== 0 && each >= b.low && each <= b.high);
  const results = divisors.flatMap((each) => [Math.trunc(a.low / each), Math.trunc(a.high / each)]);
  if (b.low <= 0 && b.high >= 0) results.push(0);
  if (a.low <= 0 && a.high >= 0) results.push(0);
  return spanned(results);
}

/** Remainder with the sign of the dividend; a divisor of 0 gives 0. */
export function remainderOf(a: Interval, b: Interval): Interval {
  const most = Math.max(Math.abs(b.low), Math.abs(b.high), 1) - 1;
  return {
    low: a.low < 0 ? Math.max(-most, a.low) : 0,
    high: a.high > 0 ? Math.min(most, a.high) : 0,
  };
}

/** As `| 0` makes it. */
export function toInt32(a: Interval): Interval {
  if (within(a, S32)) return { low: a.low, high: a.high };
  if (within(a, U32) && a.low > S32.high) return { low: a.low - 2 ** 32, high: a.high - 2 ** 32 };
  return S32;
}

/** As `>>> 0` makes it. */
export function toUint32(a: Interval): Interval {
  if (within(a, U32)) return { low: a.low, high: a.high };
  if (within(a, S32) && a.high < 0) return { low: a.low + 2 ** 32, high: a.high + 2 ** 32 };
  return U32;
}

export function and32(left: Interval, right: Interval): Interval {
  const a = toInt32(left);
  const b = toInt32(right);
  if (a.low >= 0) return { low: 0, high: b.low >= 0 ? Math.min(a.high, b.high) : a.high };
  if (b.low >= 0) return { low: 0, high: b.high };
  return S32;
}

/** Also right for exclusive or, but for the lower bound, which `least` gives. */
export function or32(left: Interval, right: Interval, exclusive: boolean): Interval {
  const a = toInt32(left);
  const b = toInt32(right);
  if (a.low < 0 || b.low < 0) return S32;
  return { low: exclusive ? 0 : Math.max(a.low, b.low), high: filled(Math.max(a.high, b.high)) };
}

export function shiftLeft32(left: Interval, count: Interval): Interval {
  const a = toInt32(left);
  const by = shiftCount(count);
  const low = Math.min(a.low * 2 ** by.low, a.low * 2 ** by.high);
  const high = Math.max(a.high * 2 ** by.low, a.high * 2 ** by.high);
  return low >= S32.low && high <= S32.high ? { low, high } : S32;
}

export function shiftRight32(left: Interval, count: Interval): Interval {
  const a = toInt32(left);
  const by = shiftCount(count);
  return spanned([a.low >> by.low, a.low >> by.high, a.high >> by.low, a.high >> by.high]);
}

export function shiftRightUnsigned32(left: Interval, count: Interval): Interval {
  const a = toUint32(left);
  const by = shiftCount(count);
  return { low: a.low >>> by.high, high: a.high >>> by.low };
}

/** Shift counts count modulo 32. */
function shiftCount(count: Interval): Interval {
  if (count.low === count.high) return { low: count.low & 31, high: count.low & 31 };
  return within(count, { low: 0, high: 31 }) ? count : { low: 0, high: 31 };
}

/** All bits below the highest bit of `value` set. */
function filled(value: number): number {
  return value === 0 ? 0 : 2 ** (32 - Math.clz32(value)) - 1;
}

function spanned(values: readonly number[]): Interval {
  return { low: Math.min(...values), high: Math.max(...values) };
}

export function spannedWide(values: readonly bigint[]): WideInterval {
  let [low, high] = [values[0]!, values[0]!];
  for (const each of values) {
    if (each < low) low = each;
    if (each > high) high = each;
  }
  return { low, high };
}

/** The interval of `& | ^` on integers of any size. */
export function bitwiseWide(operator: "&" | "|" | "^", a: WideInterval, b: WideInterval): WideInterval {
  if (operator === "&") {
    if (a.low >= 0n) return { low: 0n, high: b.low >= 0n && b.high < a.high ? b.high : a.high };
    if (b.low >= 0n) return { low: 0n, high: b.high };
  }
  const bits = Math.max(...[a.low, a.high, b.low, b.high].map(bitLength));
  const high = (1n << BigInt(bits)) - 1n;
  return a.low >= 0n && b.low >= 0n ? { low: 0n, high } : { low: ~high, high };
}

function bitLength(value: bigint): number {
  return value === 0n || value === -1n ? 1 : (value < 0n ? ~value : value).toString(2).length;
}
