/**
 * Views: objects over memory whose properties are the fields of a schema. One class per schema, made when first needed;
 * a view is a DataView and an offset, so views over a mapped kernel map and over simulated memory are the same thing.
 */
import { copyInto, decodeFrom, describe, encodeInto } from "./codec.ts";
import { SchemaError } from "./errors.ts";
import { isRevocable, STALE } from "./memory.ts";
import { READ } from "./scalar-access.ts";
import { SCALAR_PROPERTY } from "./scalar-properties.ts";
import type { ArraySchema, Infer, Schema, Struct } from "./types.ts";
import { DATA, isView, NESTED, SCHEMA, START, type View } from "./view-base.ts";

type ViewClass = new (data: DataView, start: number) => View;
type Reference = View | ArrayBufferView;

const classes = new WeakMap<Schema, ViewClass>();
const OPAQUE = Object.freeze({});
const LITTLE_ENDIAN = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

/** Sequences have accessors of their own up to this index; later ones take a slower way. */
const FAST_INDEXES = 64;

/** Native arrays that read and write as a sequence of this scalar does, where memory is aligned. */
const TYPED = {
  u8: Uint8Array,
  u16: Uint16Array,
  u32: Uint32Array,
  s32: Int32Array,
  u64: BigUint64Array,
} as const;

/** The property at `offset` of a view; `position` numbers the nested views of a class. */
function property(schema: Schema, offset: number, position: number): PropertyDescriptor {
  if (schema.kind === "scalar") return SCALAR_PROPERTY[schema.name](offset);
  if (schema.kind !== "struct" && schema.kind !== "array") return { get: () => OPAQUE };
  return {
    get(this: View): Reference {
      this[NESTED] ??= [];
      const nested = this[NESTED];
      let view = nested[position];
      if (view === undefined) {
        view = referenceTo(schema, this[DATA], this[START] + offset);
        nested[position] = view;
      }
      return view;
    },
    set(this: View, value: unknown) {
      encodeInto(schema, this[DATA], this[START] + offset, value);
    },
  };
}

function newClass(schema: Schema): ViewClass {
  const made = class {
    [DATA]: DataView;
    readonly [START]: number;
    declare readonly [SCHEMA]: Schema;
    [NESTED]: Reference[] | undefined = undefined;
    constructor(data: DataView, start: number) {
      this[DATA] = data;
      this[START] = start;
    }
    /** For console.log and debuggers: the contents. */
    [Symbol.for("nodejs.util.inspect.custom")](): unknown {
      return decodeFrom(schema, this[DATA], this[START]);
    }
  };
  Object.defineProperty(made.prototype, SCHEMA, { value: schema });
  return made;
}

function structClass(schema: Struct): ViewClass {
  const made = newClass(schema);
  Object.defineProperty(made, "name", { value: schema.name });
  for (const [position, field] of schema.fields.entries()) {
    Object.defineProperty(made.prototype, field.name, {
      ...property(field.schema, field.offset, position),
      enumerable: true,
    });
  }
  return made;
}

/** Answers for indexes without an accessor: late ones and, with RangeError, those out of range. */
function lateIndexes({ element, length }: ArraySchema): object {
  function at(index: string | symbol): PropertyDescriptor | undefined {
    if (typeof index === "symbol" || !/^-?\d+$/.test(index)) return undefined;
    const i = Number(index);
    if (i < 0 || i >= length) throw new RangeError(`index ${index} of a sequence of ${length}`);
    return property(element, i * element.size, i);
  }
  return new Proxy(Object.create(null), {
    get: (_, index, view) => at(index)?.get?.call(view),
    set: (_, index, value, view) => {
      const found = at(index);
      found?.set?.call(view, value);
      return found !== undefined;
    },
  });
}

function sequenceClass(schema: ArraySchema): ViewClass {
  const { element, length } = schema;
  const made = newClass(schema);
  Object.defineProperty(made.prototype, "length", { value: length });
  for (let i = 0; i < Math.min(length, FAST_INDEXES); i++) {
    Object.defineProperty(made.prototype, i, property(element, i * element.size, i));
  }
  Object.defineProperty(made.prototype, Symbol.iterator, { value: Array.prototype[Symbol.iterator] });
  Object.setPrototypeOf(made.prototype, lateIndexes(schema));
  return made;
}

function classOf(schema: Struct | ArraySchema): ViewClass {
  let found = classes.get(schema);
  if (found === undefined) {
    found = schema.kind === "struct" ? structClass(schema) : sequenceClass(schema);
    classes.set(schema, found);
  }
  return found;
}

/** A native array over the memory, if that would be exact; it is much faster than a view. */
function typedArray(
  { element, length }: ArraySchema,
  data: DataView,
  at: number,
): ArrayBufferView | undefined {
  if (element.kind !== "scalar" || element.bigEndian || isRevocable(data.buffer)) return undefined;
  const position = data.byteOffset + at;
  if (position % element.size !== 0 || (element.size > 1 && !LITTLE_ENDIAN)) return undefined;
  return new TYPED[element.name as keyof typeof TYPED](data.buffer as ArrayBuffer, position, length);
}

function referenceTo(schema: Struct | ArraySchema, data: DataView, at: number): Reference {
  if (schema.kind === "array") {
    const native = typedArray(schema, data, at);
    if (native !== undefined) return native;
  }
  return new (classOf(schema))(data, at);
}

/**
 * A view of the S that lies `offset` bytes into `data`: reads and writes go there. Throws RangeError if it does not lie
 * there whole, SchemaError for a scalar.
 */
export function viewOf<S extends Schema>(schema: S, data: DataView, offset = 0): Infer<S> {
  if (offset < 0 || offset + schema.size > data.byteLength) {
    throw new RangeError(
      `${describe(schema)} takes ${schema.size} bytes at ${offset}; the memory has ${data.byteLength}`,
    );
  }
  return uncheckedViewOf(schema, data, offset) as Infer<S>;
}

/** As `viewOf`, for memory known to be large enough. */
export function uncheckedViewOf(schema: Schema, data: DataView, at: number): unknown {
  if (schema.kind !== "struct" && schema.kind !== "array") {
    throw new SchemaError(`a ${describe(schema)} by itself has no view; put it into a struct`);
  }
  return referenceTo(schema, data, at);
}

/** The value at a place: a number or bigint for a scalar, else a view. */
export function valueAt(schema: Schema, data: DataView, at: number): unknown {
  return schema.kind === "scalar" ? READ[schema.name](data, at) : uncheckedViewOf(schema, data, at);
}

/** Small new memory is cut from pieces of this many bytes: a buffer for each would cost more than all the rest. */
const PIECE = 16 * 1024;
let piece = new DataView(new ArrayBuffer(0));
let used = 0;

/** A new zeroed S in memory that nothing else uses. */
export function newView<S extends Schema>(schema: S): Infer<S> {
  const size = (schema.size + 7) & ~7;
  if (size > PIECE / 8) return uncheckedViewOf(schema, new DataView(new ArrayBuffer(size)), 0) as Infer<S>;
  if (used + size > piece.byteLength) {
    piece = new DataView(new ArrayBuffer(PIECE));
    used = 0;
  }
  const view = uncheckedViewOf(schema, piece, used) as Infer<S>;
  used += size;
  return view;
}

/** Copies what `source` refers to over what `target` refers to. Throws SchemaError if their layouts differ. */
export function copyView(target: unknown, source: unknown): void {
  if (isView(target)) {
    copyInto(target[SCHEMA], target[DATA], target[START], source);
  } else if (ArrayBuffer.isView(target)) {
    const list = target as unknown as { set(source: unknown): void; readonly length: number };
    if ((source as ArrayLike<unknown>).length !== list.length) {
      throw new SchemaError(`a sequence of ${list.length} cannot take a copy of another length`);
    }
    list.set(isView(source) ? decodeFrom(source[SCHEMA], source[DATA], source[START]) : source);
  } else {
    throw new SchemaError("copy: the target is not a reference to memory");
  }
}

/** Makes a view, and those had from it, throw StaleReferenceError at every use. */
export function revoke(view: View): void {
  view[DATA] = STALE;
  for (const nested of view[NESTED] ?? []) if (isView(nested)) revoke(nested);
}
