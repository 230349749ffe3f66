/**
 * The accessors of scalar fields, one pair of functions for each kind of scalar: the engine inlines them where they
 * are used, which one accessor that looks at the schema would prevent.
 */
import type { ScalarName } from "./types.ts";
import { DATA, START, type View } from "./view-base.ts";

type Property<V> = { get(this: View): V; set(this: View, value: V): void };

function u8(offset: number): Property<number> {
  return {
    get() {
      return this[DATA].getUint8(this[START] + offset);
    },
    set(value) {
      this[DATA].setUint8(this[START] + offset, value);
    },
  };
}

function u16(offset: number): Property<number> {
  return {
    get() {
      return this[DATA].getUint16(this[START] + offset, true);
    },
    set(value) {
      this[DATA].setUint16(this[START] + offset, value, true);
    },
  };
}

function u32(offset: number): Property<number> {
  return {
    get() {
      return this[DATA].getUint32(this[START] + offset, true);
    },
    set(value) {
      this[DATA].setUint32(this[START] + offset, value, true);
    },
  };
}

function s32(offset: number): Property<number> {
  return {
    get() {
      return this[DATA].getInt32(this[START] + offset, true);
    },
    set(value) {
      this[DATA].setInt32(this[START] + offset, value, true);
    },
  };
}

function u64(offset: number): Property<bigint> {
  return {
    get() {
      return this[DATA].getBigUint64(this[START] + offset, true);
    },
    set(value) {
      this[DATA].setBigUint64(this[START] + offset, value, true);
    },
  };
}

function u16be(offset: number): Property<number> {
  return {
    get() {
      return this[DATA].getUint16(this[START] + offset);
    },
    set(value) {
      this[DATA].setUint16(this[START] + offset, value);
    },
  };
}

function u32be(offset: number): Property<number> {
  return {
    get() {
      return this[DATA].getUint32(this[START] + offset);
    },
    set(value) {
      this[DATA].setUint32(this[START] + offset, value);
    },
  };
}

function u64be(offset: number): Property<bigint> {
  return {
    get() {
      return this[DATA].getBigUint64(this[START] + offset);
    },
    set(value) {
      this[DATA].setBigUint64(this[START] + offset, value);
    },
  };
}

/** The accessor pair for a scalar `offset` bytes into a view. Stores truncate to the width of the scalar. */
export const SCALAR_PROPERTY: { readonly [name in ScalarName]: (offset: number) => PropertyDescriptor } = {
  u8,
  u16,
  u32,
  s32,
  u64,
  u16be,
  u32be,
  u64be,
};
