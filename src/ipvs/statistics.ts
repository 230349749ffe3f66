/** Counters and rates of servers and services, as people see them. */

import type { MapHandle } from "../bpf/index.ts";
import { counters } from "../kernel/tables.ts";
import type { WideColumn } from "./memory/column.ts";
import { COUNTER_NAMES, type DirectorMemory } from "./memory/director-memory.ts";
import { NO_RATES, NO_STATISTICS, type Rates, type Statistics } from "./model.ts";

/** In the order of COUNTER_NAMES; NOTHING_COUNTED where all are 0, which is what most are in a large table. */
export type CounterValues = readonly bigint[];

/** Five zeros, known by identity. */
export const NOTHING_COUNTED: CounterValues = COUNTER_NAMES.map(() => 0n);

/** What reading takes, roughly, in µs: one value by itself; one among all; each CPU's part of that. */
const ONE_LOOKUP = 5;
const ONE_OF_ALL = 0.4;
const ONE_CPU = 0.1;

/** Bits behind the binary point of IPVS's averages, in the order of COUNTER_NAMES. */
const RATE_SHIFTS = [10n, 10n, 5n, 10n, 5n] as const;
/** Added before those bits are cut off. */
const RATE_ROUNDING = [0x1ffn, 0x1ffn, 0xfn, 0x1ffn, 0xfn] as const;

/** What servers (slots of destinationTable) have counted since their slots were first used. */
export type Counted = (row: number) => CounterValues;

/** Reads what these servers have counted, now. */
export function readCounted(memory: DirectorMemory, rows: readonly number[]): Counted {
  const handle = memory.plane.map(counters);
  if (rows.length * ONE_LOOKUP < handle.capacity * (ONE_OF_ALL + handle.cpus * ONE_CPU)) {
    const values = new Map<number, CounterValues>();
    for (const row of rows) {
      const value = handle.lookup(new Uint8Array(Uint32Array.of(row).buffer));
      if (value !== null) values.set(row, sum(aligned(value), 0, handle));
    }
    return (row) => values.get(row) ?? NOTHING_COUNTED;
  }
  const { count, keys, values } = handle.readAll();
  const rowOf = aligned(keys);
  const words = aligned(values);
  const places = new Int32Array(memory.destinations.capacity).fill(-1);
  for (let index = 0; index < count; index++) places[rowOf[index]!] = index * (handle.valueSize >>> 2);
  return (row) => (places[row]! < 0 ? NOTHING_COUNTED : sum(words, places[row]!, handle));
}

function aligned(bytes: Uint8Array): Uint32Array {
  const whole = bytes.byteOffset % 4 === 0 ? bytes : bytes.slice();
  return new Uint32Array(whole.buffer, whole.byteOffset, whole.byteLength >>> 2);
}

/** The sum over all CPUs of the per-CPU value at word `at`. */
function sum(words: Uint32Array, at: number, { stride, cpus }: MapHandle): CounterValues {
  const step = stride >>> 2;
  let any = 0;
  for (let cpu = 0; cpu < cpus; cpu++) {
    const first = at + cpu * step;
    for (let word = first; word < first + 2 * COUNTER_NAMES.length; word++) any |= words[word]!;
  }
  if (any === 0) return NOTHING_COUNTED;
  return COUNTER_NAMES.map((_, counter) => {
    let high = 0;
    let low = 0;
    for (let cpu = 0; cpu < cpus; cpu++) {
      const place = at + cpu * step + 2 * counter;
      low += words[place]!;
      high += words[place + 1]!;
    }
    return high < 0x1f_ffff ? BigInt(high * 0x1_0000_0000 + low) : (BigInt(high) << 32n) + BigInt(low);
  });
}

/** The values of a slot in a table of u64. */
function readWide(columns: readonly WideColumn[], row: number): CounterValues {
  if (!columns.some((column) => column.isSet(row))) return NOTHING_COUNTED;
  return columns.map((column) => column.get(row));
}

/** What a server has counted since it was last zeroed. */
export function shownCounters(memory: DirectorMemory, row: number, counted: CounterValues): CounterValues {
  const baseline = readWide(memory.destinationBaseline, row);
  if (baseline === NOTHING_COUNTED) return counted;
  return counted.map((value, counter) => BigInt.asUintN(64, value - baseline[counter]!));
}

/** What servers that left a service had counted for it. */
export function retiredCounters(memory: DirectorMemory, serviceRow: number): CounterValues {
  return readWide(memory.serviceRetired, serviceRow);
}

/** Lets a server's counters and rates begin at zero. */
export function restartCounters(memory: DirectorMemory, row: number, counted: CounterValues): void {
  for (const [counter, column] of memory.destinationBaseline.entries()) {
    if (column.get(row) !== counted[counter]) column.set(row, counted[counter]!);
  }
  for (const column of memory.rates) if (column.isSet(row)) column.set(row, 0n);
}

/** Adds to (sign 1) or takes from (−1) what a service counts for servers that left it. */
export function addRetired(
  memory: DirectorMemory,
  serviceRow: number,
  shown: CounterValues,
  sign: 1n | -1n,
): void {
  for (const [counter, column] of memory.serviceRetired.entries()) {
    const change = shown[counter]!;
    if (change !== 0n) column.set(serviceRow, BigInt.asUintN(64, column.get(serviceRow) + sign * change));
  }
}

export function clearRetired(memory: DirectorMemory, serviceRow: number): void {
  for (const column of memory.serviceRetired) if (column.isSet(serviceRow)) column.set(serviceRow, 0n);
}

export function addCounters(a: CounterValues, b: CounterValues): CounterValues {
  if (a === NOTHING_COUNTED) return b;
  if (b === NOTHING_COUNTED) return a;
  return a.map((value, counter) => value + b[counter]!);
}

export function statisticsOf(values: CounterValues): Statistics {
  if (values === NOTHING_COUNTED) return NO_STATISTICS;
  return {
    connections: values[0]!,
    inPackets: values[1]!,
    outPackets: values[3]!,
    inBytes: values[2]!,
    outBytes: values[4]!,
  };
}

/** A server's averages, as the estimator scales them. */
export function readAverages(memory: DirectorMemory, row: number): CounterValues {
  return readWide(memory.rates, row);
}

/** Averages as whole numbers per second, rounded as IPVS rounds them. */
export function ratesOf(averages: CounterValues): Rates {
  if (averages === NOTHING_COUNTED) return NO_RATES;
  const rate = (counter: 0 | 1 | 2 | 3 | 4) =>
    Number((averages[counter]! + RATE_ROUNDING[counter]) >> RATE_SHIFTS[counter]);
  return {
    connections: rate(0),
    inPackets: rate(1),
    outPackets: rate(3),
    inBytes: rate(2),
    outBytes: rate(4),
  };
}
