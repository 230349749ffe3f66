import type { LineInfo } from "../program.ts";
import type { Rejection } from "./verifier-log.ts";

/** A kernel function's line was rejected by the verifier. */
export class VerifierError extends Error {
  override readonly name = "VerifierError";
  readonly code = "VERIFIER";
  /** The name of the program. */
  readonly program: string;
  /** The verifier's last sentence. */
  readonly reason: string;
  /** Where in our source, counted from 1; undefined if the verifier names no place or the program has no lines. */
  readonly file: string | undefined;
  readonly line: number | undefined;
  readonly column: number | undefined;
  /** The source line's text. */
  readonly text: string | undefined;
  /** The instruction slot and the instruction. */
  readonly slot: number | undefined;
  readonly instruction: string | undefined;
  /** What the verifier knew of the registers before that instruction. */
  readonly registers: string | undefined;
  /** The whole verifier log. */
  readonly log: string;

  constructor(program: string, rejection: Rejection, line: LineInfo | undefined, log: string) {
    super(explain(program, rejection, line));
    this.program = program;
    this.reason = rejection.reason;
    this.file = line?.file;
    this.line = line?.line;
    this.column = line?.column;
    this.text = line?.text;
    this.slot = rejection.slot;
    this.instruction = rejection.instruction;
    this.registers = rejection.registers;
    this.log = log;
  }
}

function explain(program: string, rejection: Rejection, line: LineInfo | undefined): string {
  const { reason, slot, instruction, registers } = rejection;
  const place = line === undefined ? "" : `${line.file}:${line.line}:${line.column}: `;
  const parts = [`${place}the kernel's verifier rejects program "${program}": ${reason}`];
  if (line !== undefined) {
    const number = String(line.line);
    parts.push(`  ${number} | ${line.text}`);
    parts.push(`  ${" ".repeat(number.length)} | ${" ".repeat(Math.max(0, line.column - 1))}^ ${reason}`);
  }
  if (slot !== undefined) parts.push(`  at instruction ${slot}${instruction ? `: ${instruction}` : ""}`);
  if (registers !== undefined) parts.push(`  with ${registers}`);
  return parts.join("\n");
}

/** What distinguishes one map from another, for {@link ForeignPinError}. */
export interface MapShape {
  readonly type: string;
  readonly keySize: number;
  readonly valueSize: number;
  readonly entries: number;
  readonly flags: number;
}

/** A pin exists, but holds something else than the definition says: another version's, or someone else's. */
export class ForeignPinError extends Error {
  override readonly name = "ForeignPinError";
  readonly code = "FOREIGN_PIN";
  readonly path: string;
  /** What differs: field, what the definition says, what the pin holds. */
  readonly differences: readonly {
    readonly field: string;
    readonly expected: string;
    readonly found: string;
  }[];

  constructor(path: string, what: string, differences: ForeignPinError["differences"]) {
    const list = differences.map(({ field, expected, found }) => `${field} ${found} instead of ${expected}`);
    super(`${path} does not hold ${what}: it has ${list.join(", ")}; it is from another version or not ours`);
    this.path = path;
    this.differences = differences;
  }
}

/** A program cannot be loaded as it is: it names a map that was not given, or uses one in a way it cannot be. */
export class ProgramFormatError extends Error {
  override readonly name = "ProgramFormatError";
  readonly code = "PROGRAM_FORMAT";
}

/** The running kernel lacks something that was asked for. */
export class MissingFeatureError extends Error {
  override readonly name = "MissingFeatureError";
  readonly code = "MISSING_FEATURE";
  /** The name in {@link Features}. */
  readonly feature: string;

  constructor(feature: string, reason: string) {
    super(`this kernel has no ${feature}: ${reason}`);
    this.feature = feature;
  }
}
