import type { Administration } from "../../ipvs/administration.ts";
import type { ConnectionEntry } from "../../ipvs/model.ts";
import { type ConnectionFilter, matcher } from "./connection-filter.ts";
import { connectionJson } from "./connection-json.ts";
import { connectionTable } from "./connection-text.ts";

/** `lvs connections`: the entries that a filter lets through, in pieces of text. */
export function listConnections(
  director: Administration,
  { filter, json }: { readonly filter: ConnectionFilter; readonly json: boolean },
): Iterable<string> {
  const entries = chosen(director.connections(), filter);
  return json ? connectionJson(entries) : connectionTable(entries);
}

function* chosen(entries: Iterable<ConnectionEntry>, filter: ConnectionFilter): Generator<ConnectionEntry> {
  const matches = matcher(filter);
  for (const entry of entries) if (matches(entry)) yield entry;
}

/** `lvs flush`: ends the entries of a filter, or (null) all, and says how many. */
export function flushConnections(director: Administration, filter: ConnectionFilter | null): string {
  const ended = director.endConnections(filter === null ? () => true : matcher(filter));
  return `${ended} ${ended === 1 ? "entry" : "entries"} of the connection table ended\n`;
}
