/** A map definition that no kernel would accept, or a use that its kind does not have. */
export class MapError extends Error {
  override readonly name = "MapError";
  readonly code = "ERR_MAP_DEFINITION";
}
