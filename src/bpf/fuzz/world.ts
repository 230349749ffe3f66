/** The schemas and maps that generated functions work on. */
import {
  array,
  arrayMap,
  constants,
  hashMap,
  type Infer,
  s32,
  struct,
  u8,
  u16,
  u16be,
  u32,
  u32be,
  u64,
  u64be,
} from "../index.ts";

export const Inner = struct("Inner", { p: u16, q: u32, r: u64be });
export const State = struct("State", {
  a: u8,
  b: u16,
  c: u32,
  d: s32,
  e: u64,
  f: u16be,
  g: u32be,
  h: u64be,
  inner: Inner,
  list: array(u32, 4),
  small: array(u16be, 3),
});
export type State = Infer<typeof State>;
/** What generated code reads from and writes to packets. */
export const Header = struct("Header", {
  one: u8,
  two: u8,
  three: u16be,
  four: u32be,
  five: u16,
  six: u16be,
});

export const Key = struct("Key", { x: u32, y: u16be, z: u8, w: u8 });
export const Value = struct("Value", { n: u32, m: u64, k: s32, l: u16be });

export const input = arrayMap("fuzz_input", { value: State, entries: 1, mappable: true });
export const output = arrayMap("fuzz_output", { value: State, entries: 1, mappable: true });
export const list = arrayMap("fuzz_list", { value: Value, entries: 8, mappable: true });
export const table = hashMap("fuzz_table", { key: Key, value: Value, entries: 64 });
export const squares = constants("fuzz_squares", u32, [0, 1, 4, 9, 16, 25, 0xffffffff, 0x80000000]);

/** Scalar fields of State that generated code reads and writes: path and type of the value. */
export const FIELDS: readonly {
  readonly path: string;
  readonly type: "u8" | "u16" | "u32" | "s32" | "u64";
}[] = [
  { path: "a", type: "u8" },
  { path: "b", type: "u16" },
  { path: "c", type: "u32" },
  { path: "d", type: "s32" },
  { path: "e", type: "u64" },
  { path: "f", type: "u16" },
  { path: "g", type: "u32" },
  { path: "h", type: "u64" },
  { path: "inner.p", type: "u16" },
  { path: "inner.q", type: "u32" },
  { path: "inner.r", type: "u64" },
  { path: "list[0]!", type: "u32" },
  { path: "list[3]!", type: "u32" },
  { path: "small[1]!", type: "u16" },
  { path: "small[2]!", type: "u16" },
];
export const VALUE_FIELDS: typeof FIELDS = [
  { path: "n", type: "u32" },
  { path: "m", type: "u64" },
  { path: "k", type: "s32" },
  { path: "l", type: "u16" },
];
export const HEADER_FIELDS: typeof FIELDS = [
  { path: "one", type: "u8" },
  { path: "two", type: "u8" },
  { path: "three", type: "u16" },
  { path: "four", type: "u32" },
  { path: "five", type: "u16" },
  { path: "six", type: "u16" },
];
