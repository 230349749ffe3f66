export { decode, encode, type Plain, type PlainInput } from "./codec.ts";
export { SchemaError } from "./errors.ts";
export { StaleReferenceError } from "./memory.ts";
export { ipv4, s32, spinLock, timer, u8, u16, u16be, u32, u32be, u64, u64be } from "./scalars.ts";
export { array, bytes, isSchema, struct } from "./struct.ts";
export type {
  ArraySchema,
  Field,
  Fields,
  Infer,
  Initial,
  Opaque,
  Scalar,
  ScalarName,
  Schema,
  Sequence,
  Struct,
} from "./types.ts";
export { viewOf } from "./view.ts";
