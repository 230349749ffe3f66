/** A schema that cannot be laid out, or a value that does not fit one. */
export class SchemaError extends Error {
  override readonly name = "SchemaError";
  readonly code = "ERR_SCHEMA";
}
