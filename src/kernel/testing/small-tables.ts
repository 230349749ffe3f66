/** Tables of a few services, for tests: a full-sized set takes long to make and to compare. */

/** Tables with an entry for each connection. */
const PER_CONNECTION = [
  "connections",
  "due",
  "flows",
  "wide",
  "call_ids",
  "proxied",
  "ftp_controls",
  "rule_verdicts",
];

/** How many entries tables have, by their names, where there are at most so many connections; `others` are as given. */
export function smallTables(
  connections: number,
  others: Readonly<Record<string, number>> = {},
): Readonly<Record<string, number>> {
  return {
    services: 64,
    service_table: 64,
    pools: 128,
    members: 8192,
    destinations: 128,
    counters: 128,
    estimates: 128,
    servers: 64,
    ...Object.fromEntries(PER_CONNECTION.map((name) => [name, connections])),
    ...others,
  };
}
