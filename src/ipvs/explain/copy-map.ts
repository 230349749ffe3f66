/** Copies of maps: what a program of the datapath finds in them, without what it would do to them. */
import type { MapDefinition, MapHandle } from "../../bpf/index.ts";
import {
  counters,
  cut,
  datagrams,
  events,
  heldFragments,
  pieces,
  ruleCounts,
  segment,
  setInHand,
  ticker,
  window,
} from "../../kernel/tables.ts";

/**
 * Maps whose contents do not matter to a whole packet: counters, of which only differences are looked at; what is filled before
 * it is read; what is known of fragments; the clock, which stands still.
 */
const LEFT_OUT: ReadonlySet<string> = new Set(
  (
    [
      counters,
      events,
      window,
      pieces,
      ruleCounts,
      setInHand,
      segment,
      cut,
      heldFragments,
      datagrams,
      ticker,
    ] satisfies MapDefinition[]
  ).map(({ name }) => name),
);

/** Whose values of maps with one for each CPU are taken, for all CPUs: where a packet will come in nobody knows. */
const CPU = 0;

/** Makes the contents of `to` those of `from`, a map of the same definition. Of traffic that goes on meanwhile some may be missed. */
export function copyMap(from: MapHandle, to: MapHandle): void {
  const { kind, mappable, name } = from.definition;
  if (LEFT_OUT.has(name)) return;
  switch (kind) {
    case "array":
      if (mappable) copyMemory(from, to);
      else copyElements(from, to);
      return;
    case "perCpuArray":
      copyElements(from, to);
      return;
    case "hash":
    case "lruHash":
    case "lpmTrie":
    case "perCpuHash":
      to.deleteMany(to.readAll().keys);
      copyElements(from, to);
      return;
    case "constants":
    case "programArray":
    case "ringBuffer":
      return;
    default:
      throw new TypeError(`maps of kind ${kind}, as ${name} is, cannot be copied`);
  }
}

/** Bytes that are compared, and copied if they differ. */
const PIECE = 1 << 16;

/** Most of a table is empty, and of one copied before the same: comparing takes less time than copying. */
function copyMemory(from: MapHandle, to: MapHandle): void {
  const size = from.stride * from.capacity;
  const source = new Uint8Array(from.memory(), 0, size);
  const target = new Uint8Array(to.memory(), 0, size);
  for (let at = 0; at < size; at += PIECE) {
    const piece = source.subarray(at, at + PIECE);
    if (Buffer.compare(piece, target.subarray(at, at + PIECE)) !== 0) target.set(piece, at);
  }
}

function copyElements(from: MapHandle, to: MapHandle): void {
  const { count, keys, values } = from.readAll();
  if (count === 0) return;
  if (from.cpus === 1 && to.cpus === 1) {
    to.updateMany(keys, valuesOfSize(values, count, from, to));
    return;
  }
  const spread = new Uint8Array(count * to.valueSize);
  for (let index = 0; index < count; index++) {
    const at = index * from.valueSize + CPU * from.stride;
    const value = values.subarray(at, at + from.stride);
    for (let cpu = 0; cpu < to.cpus; cpu++) spread.set(value, index * to.valueSize + cpu * to.stride);
  }
  to.updateMany(keys, spread);
}

/** Values for a map whose values may be padded otherwise: of one CPU, a map with one for each has padding, others have not. */
function valuesOfSize(values: Uint8Array, count: number, from: MapHandle, to: MapHandle): Uint8Array {
  if (from.valueSize === to.valueSize) return values;
  const fit = new Uint8Array(count * to.valueSize);
  const size = Math.min(from.valueSize, to.valueSize);
  for (let index = 0; index < count; index++) {
    fit.set(values.subarray(index * from.valueSize, index * from.valueSize + size), index * to.valueSize);
  }
  return fit;
}
