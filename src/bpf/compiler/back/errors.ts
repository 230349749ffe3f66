/** Errors of the back end: a program that is well-formed but cannot become eBPF, or a fault of the front end. */
import type { SourcePosition } from "../../ir.ts";

/** One thing that takes stack, for the message of a program that needs too much. */
export interface StackUse {
  readonly function: string;
  readonly name: string;
  /** Bytes. */
  readonly size: number;
}

export class BackEndError extends Error {
  override readonly name: string = "BackEndError";
  readonly code:
    | "STACK_LIMIT"
    | "RECURSION"
    | "FUNCTION_UNKNOWN"
    | "TOO_MANY_ARGUMENTS"
    | "TAIL_CALL"
    | "MALFORMED_IR";
  readonly at: SourcePosition | undefined;

  constructor(code: BackEndError["code"], message: string, at?: SourcePosition) {
    super(at ? `${at.file}:${at.line}:${at.column}: ${message}` : message);
    this.code = code;
    this.at = at;
  }
}

/** The frames of a call chain exceed the 512 bytes of stack. */
export class StackLimitError extends BackEndError {
  override readonly name = "StackLimitError";
  /** The functions of the chain, outermost first. */
  readonly chain: readonly string[];
  /** Bytes the chain needs. */
  readonly needed: number;
  /** The largest users of stack in the chain, largest first. */
  readonly largest: readonly StackUse[];

  constructor(
    chain: readonly string[],
    needed: number,
    limit: number,
    uses: readonly StackUse[],
    at?: SourcePosition,
  ) {
    const largest = [...uses].sort((a, b) => b.size - a.size).slice(0, 6);
    const list = largest.map((use) => `${use.name} in ${use.function} (${use.size})`).join(", ");
    super(
      "STACK_LIMIT",
      `${chain.join(" → ")} needs ${needed} bytes of stack, ${limit} are allowed; largest: ${list}. ` +
        "Keep less in make(…), or put scratch data into a per-CPU array map",
      at,
    );
    this.chain = chain;
    this.needed = needed;
    this.largest = largest;
  }
}
