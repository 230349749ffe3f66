/** Fields of the elements of a mapped array, read and written without system calls. */
import { endianness } from "node:os";
import type { MapDefinition, Scalar, Schema } from "../../bpf/index.ts";
import { type AddressNumber, ofWords, wordOf } from "../configuration/address.ts";
import type { Plane } from "../plane.ts";

if (endianness() !== "LE") throw new Error("lvs runs on little-endian machines only");

/** One field of all elements. Stores are ordered: none is seen before those made earlier. */
export interface Column {
  get(row: number): number;
  set(row: number, value: number): void;
}

/** A 64-bit field of all elements. */
export interface WideColumn {
  get(row: number): bigint;
  set(row: number, value: bigint): void;
  /** Whether it is not 0, without making a bigint. */
  isSet(row: number): boolean;
}

/** The addresses (`Address` of tables.ts) in one place of all elements. */
export interface AddressColumn {
  /** The address, which is of that family. */
  get(row: number, ipv6: boolean): AddressNumber;
  set(row: number, value: AddressNumber): void;
}

/** The memory of a mappable array map. */
export class ArrayMemory {
  readonly capacity: number;
  /** Bytes from element to element. */
  readonly stride: number;
  readonly #schema: Schema;
  readonly #bytes: Uint8Array;
  readonly #words: Uint32Array;
  readonly #wide: BigUint64Array;
  readonly #beforeStore: () => void;

  constructor(plane: Plane, definition: MapDefinition) {
    const handle = plane.map(definition);
    const buffer = handle.memory();
    this.capacity = handle.capacity;
    this.stride = handle.stride;
    this.#schema = definition.value;
    const usable = buffer.byteLength - (buffer.byteLength % 8);
    this.#bytes = new Uint8Array(buffer, 0, usable);
    this.#words = new Uint32Array(buffer, 0, usable / 4);
    this.#wide = new BigUint64Array(buffer, 0, usable / 8);
    this.#beforeStore = () => plane.beforeStore?.();
  }

  /** The column of a field; `path` leads through nested structs and, by number, arrays. */
  column(...path: readonly (string | number)[]): Column {
    const { offset, scalar } = place(this.#schema, path);
    const row = this.stride;
    const before = this.#beforeStore;
    const bytes = this.#bytes;
    if (scalar.size === 4) {
      const words = this.#words;
      const step = row >>> 2;
      const first = offset >>> 2;
      if (scalar.bigEndian) {
        return {
          get: (index) => swap(words[index * step + first]!),
          set: (index, value) => {
            before();
            Atomics.store(words, index * step + first, swap(value));
          },
        };
      }
      return {
        get: (index) => words[index * step + first]!,
        set: (index, value) => {
          before();
          Atomics.store(words, index * step + first, value);
        },
      };
    }
    if (scalar.size === 2) {
      const [high, low] = scalar.bigEndian ? [offset, offset + 1] : [offset + 1, offset];
      return {
        get: (index) => (bytes[index * row + high]! << 8) | bytes[index * row + low]!,
        set: (index, value) => {
          before();
          Atomics.store(bytes, index * row + high, value >>> 8);
          Atomics.store(bytes, index * row + low, value & 0xff);
        },
      };
    }
    if (scalar.size !== 1) throw new TypeError(`${path.join(".")} has 64 bits`);
    return {
      get: (index) => bytes[index * row + offset]!,
      set: (index, value) => {
        before();
        Atomics.store(bytes, index * row + offset, value);
      },
    };
  }

  /** The column of a u64 field. */
  wideColumn(...path: readonly (string | number)[]): WideColumn {
    const { offset, scalar } = place(this.#schema, path);
    if (scalar.size !== 8 || scalar.bigEndian) throw new TypeError(`${path.join(".")} is not a u64`);
    const wide = this.#wide;
    const words = this.#words;
    const step = this.stride >>> 3;
    const first = offset >>> 3;
    return {
      get: (index) => wide[index * step + first]!,
      set: (index, value) => {
        this.#beforeStore();
        Atomics.store(wide, index * step + first, value);
      },
      isSet: (index) => {
        const at = 2 * (index * step + first);
        return words[at] !== 0 || words[at + 1] !== 0;
      },
    };
  }

  /** The column of an `Address`. */
  addressColumn(...path: readonly (string | number)[]): AddressColumn {
    const words = [0, 1, 2, 3].map((index) => this.column(...path, "words", index));
    const [first, second, third, fourth] = words as [Column, Column, Column, Column];
    return {
      get: (row, ipv6) =>
        ipv6 ? ofWords(first.get(row), second.get(row), third.get(row), fourth.get(row)) : first.get(row),
      set: (row, value) => {
        if (typeof value === "bigint") {
          for (const [index, word] of words.entries()) word.set(row, wordOf(value, index));
          return;
        }
        first.set(row, value);
        for (const word of [second, third, fourth]) if (word.get(row) !== 0) word.set(row, 0);
      },
    };
  }

  /** Replaces the value of a u32 field of this machine's byte order, if it is `expected`; whether it was. */
  compareExchange(field: string, row: number, expected: number, value: number): boolean {
    const { offset } = place(this.#schema, [field]);
    this.#beforeStore();
    const at = row * (this.stride >>> 2) + (offset >>> 2);
    return Atomics.compareExchange(this.#words, at, expected, value >>> 0) === expected;
  }

  /** The bytes of an element up to the first zero, which are ASCII. */
  textAt(index: number): string {
    const all = this.#bytes.subarray(index * this.stride, (index + 1) * this.stride);
    const end = all.indexOf(0);
    return String.fromCharCode(...all.subarray(0, end < 0 ? all.length : end));
  }

  /** Fills `length` bytes of an element, from `offset` on, with zeros. */
  clear(index: number, offset: number, length: number): void {
    this.#beforeStore();
    const start = index * this.stride + offset;
    this.#bytes.fill(0, start, start + length);
  }
}

function swap(value: number): number {
  return ((value << 24) | ((value & 0xff00) << 8) | ((value >>> 8) & 0xff00) | (value >>> 24)) >>> 0;
}

function place(schema: Schema, path: readonly (string | number)[]): { offset: number; scalar: Scalar } {
  let offset = 0;
  let inner = schema;
  for (const step of path) {
    if (inner.kind === "struct" && typeof step === "string") {
      const field = inner.fields.find((each) => each.name === step);
      if (field === undefined) throw new TypeError(`no field ${step} in ${inner.name}`);
      offset += field.offset;
      inner = field.schema;
    } else if (inner.kind === "array" && typeof step === "number") {
      offset += step * (inner.element as Schema).size;
      inner = inner.element as Schema;
    } else {
      throw new TypeError(`${path.join(".")} does not lead to a field`);
    }
  }
  if (inner.kind !== "scalar") throw new TypeError(`${path.join(".")} is not an integer`);
  return { offset, scalar: inner };
}
