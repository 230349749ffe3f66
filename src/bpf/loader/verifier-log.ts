import type { LineInfo } from "../program.ts";

/** What a verifier log says about a rejection. */
export interface Rejection {
  /** The verifier's last sentence. */
  readonly reason: string;
  /** The instruction slot it was at, if it says so. */
  readonly slot: number | undefined;
  /** The instruction as the verifier prints it. */
  readonly instruction: string | undefined;
  /** What it knew of the registers before that instruction, as it prints them: `R0=scalar() R10=fp0`. */
  readonly registers: string | undefined;
}

/** `12: (61) r0 = *(u32 *)(r1 +0)  ; R0_w=…`: slot, instruction, registers that it changed. */
const INSTRUCTION = /^(\d+): \([0-9a-f]{2}\) ([^;]*?)\s*(?:;\s*(.*))?$/;
/** `12: R0=… R1=…` or `from 3 to 12: R0=…`: the whole state before slot 12. */
const STATE = /^(?:from \d+ to )?(\d+): (?:safe$|((?:frame\d+: ?)?R\d+.*))$/;
/** Lines that tell about the work, not about the program. */
const NOISE =
  /^(?:processed \d+ insns|verification time|stack depth|insns processed|func#\d+ @|;|$|mark_precise|last_idx|first_idx|regs=|parent |propagating|caller:|callee:|returning from callee|to caller at|arg#\d+ |the sequence of \d+ jumps)/;
/** Complaints that name the instruction instead of standing behind it. */
const NAMED_SLOT = /\binsn[# ](\d+)\b|^(?:unreachable insn|jump out of range from insn) (\d+)/;

/** Reads the end of a verifier log: the last complaint, and the instruction it is about. */
export function readRejection(log: string): Rejection {
  const lines = log
    .split("\n")
    .map((line) => line.replaceAll("\0", "").trimEnd())
    .filter((line) => line !== "");
  const complaint = lines.findLastIndex(
    (line) => !NOISE.test(line) && !INSTRUCTION.test(line) && !STATE.test(line),
  );
  if (complaint < 0) {
    return { reason: lines.at(-1) ?? "the verifier gave no reason", ...nowhere };
  }
  const reason = lines[complaint]!;
  const named = NAMED_SLOT.exec(reason);
  if (named !== null) return { ...nowhere, reason, slot: Number(named[1] ?? named[2]) };
  const at = lines.findLastIndex((line, index) => index < complaint && INSTRUCTION.test(line));
  if (at < 0) return { ...nowhere, reason };
  const [, slot, instruction] = INSTRUCTION.exec(lines[at]!)!;
  return { reason, slot: Number(slot), instruction, registers: registersBefore(lines, at) };
}

const nowhere = { slot: undefined, instruction: undefined, registers: undefined };

/** The state as of the last full print, with what the instructions since then changed. */
function registersBefore(lines: readonly string[], at: number): string | undefined {
  const from = lines.findLastIndex((line, index) => index < at && STATE.exec(line)?.[2] !== undefined);
  const registers = new Map<string, string>();
  const learn = (text: string): void => {
    for (const [, name, value] of text.matchAll(/\b(R\d+|fp-\d+)(?:_[a-z]+)?=((?:[^\s(]|\([^)]*\))+)/g)) {
      registers.set(name!, value!);
    }
  };
  if (from >= 0) learn(STATE.exec(lines[from]!)![2]!);
  for (const line of lines.slice(Math.max(from, 0), at)) learn(INSTRUCTION.exec(line)?.[3] ?? "");
  if (registers.size === 0) return undefined;
  return [...registers].map(([name, value]) => `${name}=${value}`).join(" ");
}

/** The line that slot `slot` was compiled from: the last that begins at or before it. */
export function lineOf(lines: readonly LineInfo[], slot: number): LineInfo | undefined {
  let found: LineInfo | undefined;
  for (const line of lines) {
    if (line.start <= slot && (found === undefined || line.start >= found.start)) found = line;
  }
  return found;
}
