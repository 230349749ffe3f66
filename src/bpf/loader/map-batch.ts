import { tryBpf } from "../../linux/index.ts";
import type { MapElements } from "../map-handle.ts";
import type { LoadedMap } from "./loaded-map.ts";
import { BATCH_COUNT_OFFSET, mapBatchAttribute } from "./map-attributes.ts";
import { mapError } from "./map-errors.ts";

const ENOENT = 2;
const EINTR = 4;
const EINVAL = 22;
const ENOSPC = 28;
/** How many bytes of keys and values one call moves, about: enough to make the call itself cheap. */
const CHUNK_BYTES = 1 << 20;

/**
 * The elements, some at a time; a chunk's bytes are overwritten by the next. The kernel hands out a hash bucket
 * as a whole, so each key comes once even while others come and go.
 */
export function* readChunks(
  map: LoadedMap,
  command: "BPF_MAP_LOOKUP_BATCH" | "BPF_MAP_LOOKUP_AND_DELETE_BATCH" = "BPF_MAP_LOOKUP_BATCH",
): Generator<MapElements> {
  const { keySize, valueSize, definition } = map;
  let count = Math.min(map.capacity, Math.max(64, Math.floor(CHUNK_BYTES / (keySize + valueSize))));
  // A position is a key for arrays and tries, a u32 for hashes. The kernel reads one while it writes the other.
  let from: Uint8Array | undefined;
  let spare: Uint8Array = new Uint8Array(Math.max(8, keySize));
  for (;;) {
    const keys = new Uint8Array(count * keySize);
    const values = new Uint8Array(count * valueSize);
    for (;;) {
      const attribute = mapBatchAttribute({
        fd: map.fd,
        ...(from === undefined ? {} : { from }),
        next: spare,
        keys,
        values,
        count,
      });
      const result = tryBpf(command, attribute.bytes);
      if (result === -ENOSPC) break;
      if (result === -EINTR) continue;
      if (result < 0 && result !== -ENOENT) throw mapError(command, -result, definition);
      const found = attribute.readU32(BATCH_COUNT_OFFSET);
      if (found > 0) yield { count: found, keys, values };
      if (result === -ENOENT) return;
      const used = from ?? new Uint8Array(spare.length);
      from = spare;
      spare = used;
    }
    // One bucket holds more than `count` elements.
    count *= 2;
  }
}

/** All elements, in memory of their own. */
export function readAll(map: LoadedMap, command?: Parameters<typeof readChunks>[1]): MapElements {
  const { keySize, valueSize } = map;
  const keys: Uint8Array[] = [];
  const values: Uint8Array[] = [];
  let count = 0;
  for (const chunk of readChunks(map, command)) {
    keys.push(chunk.keys.slice(0, chunk.count * keySize));
    values.push(chunk.values.slice(0, chunk.count * valueSize));
    count += chunk.count;
  }
  return { count, keys: join(keys), values: join(values) };
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  if (parts.length === 1) return parts[0]!;
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}

/** Updates in order; stops at the first that fails, with its error. */
export function updateMany(map: LoadedMap, keys: Uint8Array, values: Uint8Array, flags: number): void {
  const { keySize, valueSize, definition } = map;
  const total = elementCount(map, keys);
  if (total === 0) return;
  // The batch command knows no conditions.
  if (flags !== 0) {
    for (let index = 0; index < total; index++) {
      map.update(slice(keys, index, keySize), slice(values, index, valueSize), flags);
    }
    return;
  }
  const attribute = mapBatchAttribute({ fd: map.fd, keys, values, count: total });
  const result = tryBpf("BPF_MAP_UPDATE_BATCH", attribute.bytes);
  if (result < 0) throw mapError("BPF_MAP_UPDATE_BATCH", -result, definition);
}

/** Deletes those of the keys that are there, and counts them. */
export function deleteMany(map: LoadedMap, keys: Uint8Array): number {
  const { keySize, definition } = map;
  const total = elementCount(map, keys);
  let deleted = 0;
  for (let start = 0; start < total; ) {
    const rest = keys.subarray(start * keySize);
    const attribute = mapBatchAttribute({ fd: map.fd, keys: rest, count: total - start });
    const result = tryBpf("BPF_MAP_DELETE_BATCH", attribute.bytes);
    const done = attribute.readU32(BATCH_COUNT_OFFSET);
    if (result >= 0) return deleted + done;
    if (result !== -ENOENT) throw mapError("BPF_MAP_DELETE_BATCH", -result, definition);
    deleted += done;
    start += done + 1;
  }
  return deleted;
}

function elementCount({ keySize, definition }: LoadedMap, keys: Uint8Array): number {
  if (keySize > 0 && keys.length % keySize === 0) return keys.length / keySize;
  const words = `${keys.length} bytes are no whole number of keys of ${keySize}`;
  throw mapError("bpf", EINVAL, definition, words);
}

function slice(bytes: Uint8Array, index: number, size: number): Uint8Array {
  return bytes.subarray(index * size, (index + 1) * size);
}
