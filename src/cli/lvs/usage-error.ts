/** A call of `lvs` that makes no sense; the message says what would. */
export class UsageError extends Error {
  override readonly name = "UsageError";
  readonly code = "USAGE";
}
