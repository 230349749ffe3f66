/** What the compiler says when source text is not kernel TypeScript. */
import type { SourcePosition } from "../ir.ts";

/** Stable names of the ways in which source text can be refused. */
export type CompileErrorCode =
  | "COMPILE_SYNTAX"
  | "COMPILE_MODULE"
  | "COMPILE_NAME"
  | "COMPILE_TYPE_NAME"
  | "COMPILE_ANNOTATION"
  | "COMPILE_TYPE"
  | "COMPILE_RANGE"
  | "COMPILE_NULL"
  | "COMPILE_INDEX"
  | "COMPILE_FIELD"
  | "COMPILE_DIVISION"
  | "COMPILE_CONDITION"
  | "COMPILE_EQUALITY"
  | "COMPILE_CONSTANT"
  | "COMPILE_ARGUMENTS"
  | "COMPILE_RETURN"
  | "COMPILE_CALLBACK"
  | "COMPILE_ASSIGNMENT"
  | "COMPILE_STACK"
  | "COMPILE_CLOSURE"
  | "COMPILE_ALLOCATION"
  | "COMPILE_STRING"
  | "COMPILE_EXCEPTION"
  | "COMPILE_RECURSION"
  | "COMPILE_LOOP"
  | "COMPILE_SWITCH"
  | "COMPILE_VAR"
  | "COMPILE_ASYNC"
  | "COMPILE_SPREAD"
  | "COMPILE_DESTRUCTURING"
  | "COMPILE_UNSUPPORTED"
  | "COMPILE_STALE_PACKET"
  | "COMPILE_SIZE";

/** A second place that explains an error. */
export interface CompileNote {
  readonly message: string;
  readonly at: SourcePosition;
}

/**
 * One thing that kernel TypeScript does not allow, where it stands and what to write instead. `compile` throws the
 * first one; `errors` holds all that were found, itself included.
 */
export class CompileError extends Error {
  override readonly name = "CompileError";
  readonly code: CompileErrorCode;
  readonly at: SourcePosition;
  /** The sentence without place and source line. */
  readonly reason: string;
  readonly notes: readonly CompileNote[];
  errors: readonly CompileError[];

  constructor(
    code: CompileErrorCode,
    reason: string,
    at: SourcePosition,
    notes: readonly CompileNote[] = [],
  ) {
    super(
      [renderPlace(`error: ${reason}`, at), ...notes.map((n) => renderPlace(n.message, n.at))].join("\n"),
    );
    this.code = code;
    this.at = at;
    this.reason = reason;
    this.notes = notes;
    this.errors = [this];
  }
}

/**
 * All errors of one compilation as one to throw: the first in reading order, which lists the others. What was found
 * twice, because a function is compiled for several ways of being called, is listed once.
 */
export function joinErrors(errors: readonly CompileError[]): CompileError {
  const distinct = new Map(errors.map((each) => [each.message, each]));
  const sorted = [...distinct.values()].sort(
    (a, b) => a.at.file.localeCompare(b.at.file) || a.at.line - b.at.line || a.at.column - b.at.column,
  );
  const first = sorted[0]!;
  first.errors = sorted;
  if (sorted.length > 1) {
    first.message = `${sorted.length} errors\n${sorted.map((e) => e.message).join("\n")}`;
  }
  return first;
}

/** `file:line:column: message`, the source line, and a caret under the column. */
export function renderPlace(message: string, at: SourcePosition): string {
  const number = String(at.line).padStart(5);
  const indent = at.text.slice(0, at.column - 1).replace(/[^\t]/g, " ");
  return `${at.file}:${at.line}:${at.column}: ${message}\n${number} | ${at.text}\n      | ${indent}^`;
}
