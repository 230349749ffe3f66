import type { ConnectionEntry, Endpoint, Protocol } from "../../ipvs/model.ts";
import { minutesAndSeconds } from "../printing.ts";
import { endpointName, FULL_WIDTH } from "./endpoint-names.ts";
import type { Names } from "./names.ts";

/** How to print the connection table. */
export interface ConnectionOptions {
  /** Also show the persistence engine's columns (`--persistent-conn`). */
  readonly engine: boolean;
  /** null: print addresses and ports as numbers. */
  readonly names: Names | null;
}

/** The connection table, in pieces: its title lines and a line for each entry. */
export function* connectionTable(
  entries: Iterable<ConnectionEntry>,
  options: ConnectionOptions,
): Generator<string> {
  yield printTitle(options);
  for (const entry of entries) yield printConnection(entry, options);
}

function printTitle(options: ConnectionOptions): string {
  const engine = options.engine ? "        pe name          pe_data" : "";
  return `IPVS connection entries\npro expire state       source             virtual            destination${engine}\n`;
}

function printConnection(entry: ConnectionEntry, options: ConnectionOptions): string {
  const { engine } = entry;
  const name = (endpoint: Endpoint): string =>
    endpointName(endpoint, protocolOf(entry.protocol), options.names, FULL_WIDTH);
  const columns = [
    entry.protocol.padEnd(3),
    minutesAndSeconds(entry.expires).padEnd(6),
    entry.state.padEnd(11),
    name(entry.source).padEnd(18),
    name(entry.virtual).padEnd(18),
  ];
  if (options.engine && engine !== null) {
    columns.push(name(entry.destination).padEnd(16), engine.name.padEnd(18), engine.data);
  } else {
    columns.push(name(entry.destination));
  }
  return `${columns.join(" ")}\n`;
}

function protocolOf(label: string): Protocol | null {
  const protocol = label.toLowerCase();
  return protocol === "tcp" || protocol === "udp" || protocol === "sctp" ? protocol : null;
}
