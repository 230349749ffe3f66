/** What the compiler hands to the loader: plain data that can be cached on disk. */
import type { Instruction } from "./asm/instruction.ts";
import type { MapDefinition } from "./map.ts";

/** Where a function starts, in instruction slots (a 64-bit immediate takes two). */
export interface FunctionInfo {
  readonly name: string;
  readonly start: number;
  /** What a global function takes: the verifier checks it once, by itself. Absent: a static function. */
  readonly separate?: readonly ("packet" | "scalar")[];
}

/** From instruction slot `start` on, the code comes from this place. */
export interface LineInfo {
  readonly start: number;
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly text: string;
}

export interface CompiledProgram {
  readonly name: string;
  readonly type: "schedCls" | "xdp" | "socketFilter";
  readonly license: string;
  /** Maps are referred to by name (`Instruction.map`), functions by label; the loader fills in descriptors. */
  readonly instructions: readonly Instruction[];
  readonly functions: readonly FunctionInfo[];
  readonly lines: readonly LineInfo[];
  /** The maps the instructions refer to, each once. */
  readonly maps: readonly MapDefinition[];
}
