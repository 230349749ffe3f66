import type { FunctionInfo, LineInfo } from "../program.ts";
import { BtfBuilder } from "./builder.ts";
import { identifier } from "./schema.ts";

/** Bytes of struct bpf_func_info: u32 instruction offset, u32 type id of the function. */
export const FUNC_INFO_SIZE = 8;
/** Bytes of struct bpf_line_info: u32 instruction offset, u32 file name, u32 line text, u32 line << 10 | column. */
export const LINE_INFO_SIZE = 16;

const MAX_LINE = (1 << 22) - 1;
const MAX_COLUMN = (1 << 10) - 1;
/** Longer lines are cut in the kernel's copy only; our own messages have the whole line. */
const MAX_TEXT = 160;

/** What BPF_PROG_LOAD takes besides the instructions so that the kernel knows functions and lines. */
export interface ProgramBtf {
  readonly btf: Uint8Array;
  readonly funcInfo: Uint8Array;
  readonly lineInfo: Uint8Array;
}

/**
 * The BTF of a program. Functions are static unless they are separate: the verifier then checks each call with what it
 * knows of the arguments, and accepts them as callbacks. `continuations` are the slots that hold the second half of a 64-bit
 * immediate: no line may begin there.
 */
export function programBtf(
  functions: readonly FunctionInfo[],
  lines: readonly LineInfo[],
  continuations: ReadonlySet<number> = new Set(),
): ProgramBtf {
  const builder = new BtfBuilder();
  const returns = builder.add({ kind: "int", name: "u64", size: 8, signed: false });
  const prototype = builder.add({ kind: "functionPrototype", returns, parameters: [] });
  const packet = functions.some(({ separate }) => separate?.includes("packet"))
    ? builder.add({
        kind: "pointer",
        name: "",
        type: builder.add({ kind: "struct", name: "__sk_buff", size: 0, members: [] }),
      })
    : returns;
  const prototypeOf = ({ separate }: FunctionInfo) =>
    separate === undefined
      ? prototype
      : builder.add({
          kind: "functionPrototype",
          returns,
          parameters: separate.map((kind, i) => ({
            name: `a${i}`,
            type: kind === "packet" ? packet : returns,
          })),
        });
  const ordered = functions.toSorted((a, b) => a.start - b.start);
  const funcWords = ordered.flatMap((info) => [
    info.start,
    builder.add({
      kind: "function",
      name: identifier(info.name),
      prototype: prototypeOf(info),
      linkage: info.separate === undefined ? "static" : "global",
    }),
  ]);
  const lineWords = completeLines(ordered, lines, continuations).flatMap((line) => [
    line.start,
    builder.string(line.file),
    builder.string(line.text.slice(0, MAX_TEXT)),
    ((Math.min(line.line, MAX_LINE) << 10) | Math.min(line.column, MAX_COLUMN)) >>> 0,
  ]);
  return { btf: builder.encode(), funcInfo: littleEndian(funcWords), lineInfo: littleEndian(lineWords) };
}

/**
 * The lines as the kernel wants them: ascending, one per slot, none inside an immediate, one at the start of
 * each function. Empty when there is no line at all.
 */
export function completeLines(
  functions: readonly FunctionInfo[],
  lines: readonly LineInfo[],
  continuations: ReadonlySet<number>,
): LineInfo[] {
  if (lines.length === 0) return [];
  const bySlot = new Map<number, LineInfo>();
  for (const line of lines) {
    if (!continuations.has(line.start) && !bySlot.has(line.start)) bySlot.set(line.start, line);
  }
  const sorted = [...bySlot.values()].sort((a, b) => a.start - b.start);
  for (const [index, { start }] of functions.entries()) {
    if (bySlot.has(start)) continue;
    const end = functions[index + 1]?.start ?? Number.POSITIVE_INFINITY;
    const nearest = sorted.find((line) => line.start > start && line.start < end) ?? sorted[0];
    if (nearest !== undefined) bySlot.set(start, { ...nearest, start });
  }
  return [...bySlot.values()].sort((a, b) => a.start - b.start);
}

function littleEndian(words: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(words.length * 4);
  const view = new DataView(bytes.buffer);
  for (const [index, word] of words.entries()) view.setUint32(index * 4, word, true);
  return bytes;
}
