/** Errors of the assembler. */

/** A program that cannot be written as bytes, or bytes that are no program. */
export class AssemblerError extends Error {
  override readonly name = "AssemblerError";
  readonly code:
    | "LABEL_UNKNOWN"
    | "LABEL_DUPLICATE"
    | "JUMP_TOO_FAR"
    | "OPERAND_RANGE"
    | "MAP_UNKNOWN"
    | "TRUNCATED";
  /** Index of the instruction in the array, or slot for bytes. */
  readonly index: number;

  constructor(code: AssemblerError["code"], index: number, message: string) {
    super(`instruction ${index}: ${message}`);
    this.code = code;
    this.index = index;
  }
}
