/** Counters and rates of servers and services, as people see them. */
import { counters } from "../kernel/tables.ts";
import { COUNTER_NAMES, type DirectorMemory } from "./memory/director-memory.ts";
import type { Rates, Statistics } from "./model.ts";

/** In the order of COUNTER_NAMES. */
export type CounterValues = readonly bigint[];

const ZEROS: CounterValues = COUNTER_NAMES.map(() => 0n);

/** Above this many servers all counters are read at once rather than one by one. */
const READ_ALL_FROM = 64;

/** Bits behind the binary point of IPVS's averages, in the order of COUNTER_NAMES. */
const RATE_SHIFTS = [10n, 10n, 5n, 10n, 5n] as const;
/** Added before those bits are cut off. */
const RATE_ROUNDING = [0x1ffn, 0x1ffn, 0xfn, 0x1ffn, 0xfn] as const;

/** What each of these servers (slots of destinationTable) has counted since its slot was first used. */
export function readCounted(memory: DirectorMemory, rows: readonly number[]): Map<number, CounterValues> {
  const handle = memory.plane.map(counters);
  const result = new Map<number, CounterValues>();
  if (rows.length === 0) return result;
  const sizes = { stride: handle.stride, cpus: handle.cpus };
  if (rows.length <= READ_ALL_FROM) {
    for (const row of rows) {
      const value = handle.lookup(new Uint8Array(Uint32Array.of(row).buffer));
      result.set(row, value === null ? ZEROS : sum(new DataView(value.buffer, value.byteOffset), 0, sizes));
    }
    return result;
  }
  const { count, keys, values } = handle.readAll();
  const keyView = new DataView(keys.buffer, keys.byteOffset);
  const valueView = new DataView(values.buffer, values.byteOffset);
  const wanted = new Uint8Array(memory.destinations.capacity);
  for (const row of rows) wanted[row] = 1;
  for (let index = 0; index < count; index++) {
    const row = keyView.getUint32(4 * index, true);
    if (wanted[row] === 1) result.set(row, sum(valueView, index * handle.valueSize, sizes));
  }
  return result;
}

function sum(values: DataView, at: number, sizes: { stride: number; cpus: number }): CounterValues {
  return COUNTER_NAMES.map((_, counter) => {
    let high = 0;
    let low = 0;
    for (let cpu = 0; cpu < sizes.cpus; cpu++) {
      const place = at + cpu * sizes.stride + counter * 8;
      low += values.getUint32(place, true);
      high += values.getUint32(place + 4, true);
    }
    return high < 0x1f_ffff ? BigInt(high * 0x1_0000_0000 + low) : (BigInt(high) << 32n) + BigInt(low);
  });
}

/** What a server has counted since it was last zeroed. */
export function shownCounters(memory: DirectorMemory, row: number, counted: CounterValues): CounterValues {
  return counted.map((value, counter) => {
    const baseline = memory.destinationBaseline[counter]!;
    return baseline.isSet(row) ? BigInt.asUintN(64, value - baseline.get(row)) : value;
  });
}

/** What servers that left a service had counted for it. */
export function retiredCounters(memory: DirectorMemory, serviceRow: number): CounterValues {
  return memory.serviceRetired.map((column) => (column.isSet(serviceRow) ? column.get(serviceRow) : 0n));
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
  return a.map((value, counter) => value + b[counter]!);
}

export function statisticsOf(values: CounterValues): Statistics {
  const [connections, inPackets, inBytes, outPackets, outBytes] = values as [
    bigint,
    bigint,
    bigint,
    bigint,
    bigint,
  ];
  return { connections, inPackets, outPackets, inBytes, outBytes };
}

/** A server's averages, as the estimator scales them. */
export function readAverages(memory: DirectorMemory, row: number): CounterValues {
  return memory.rates.map((column) => (column.isSet(row) ? column.get(row) : 0n));
}

/** Averages as whole numbers per second, rounded as IPVS rounds them. */
export function ratesOf(averages: CounterValues): Rates {
  const rate = (counter: 0 | 1 | 2 | 3 | 4) =>
    Number((averages[counter]! + RATE_ROUNDING[counter]) >> RATE_SHIFTS[counter]);
  return {
    connections: rate(0),
    inPackets: rate(1),
    inBytes: rate(2),
    outPackets: rate(3),
    outBytes: rate(4),
  };
}
