import type { ConnectionEntry, Endpoint, ForwardingMethod } from "../../ipvs/model.ts";
import { minutesAndSeconds } from "../printing.ts";

const TITLES = ["PROTO", "STATE", "EXPIRES", "CLIENT", "VIRTUAL", "SERVER", "METHOD", "NOTES"] as const;

/** Rows that decide how wide columns are; what comes behind them and is wider moves its line only. */
const SAMPLE = 10_000;

/** The connection table for people, in pieces: a header and a line for each entry, in aligned columns. */
export function* connectionTable(entries: Iterable<ConnectionEntry>): Generator<string> {
  const sample: (readonly string[])[] = [TITLES];
  let widths: number[] | null = null;
  for (const entry of entries) {
    if (widths !== null) {
      yield line(cells(entry), widths);
      continue;
    }
    sample.push(cells(entry));
    if (sample.length > SAMPLE) {
      widths = widthsOf(sample);
      for (const row of sample) yield line(row, widths);
    }
  }
  if (widths !== null) return;
  widths = widthsOf(sample);
  for (const row of sample) yield line(row, widths);
}

const METHODS: Record<ForwardingMethod, string> = {
  masquerade: "masq",
  route: "route",
  tunnel: "tunnel",
  local: "local",
  bypass: "bypass",
  fullnat: "fullnat",
};

function cells(entry: ConnectionEntry): readonly string[] {
  return [
    entry.protocol,
    entry.state,
    minutesAndSeconds(entry.expires),
    endpointText(entry.source),
    entry.template && entry.service?.kind === "mark"
      ? `mark ${entry.service.mark}`
      : endpointText(entry.virtual),
    endpointText(entry.destination),
    METHODS[entry.method],
    notes(entry),
  ];
}

function notes({ template, method, local, service, engine }: ConnectionEntry): string {
  const parts: string[] = [];
  if (template) parts.push("template");
  if (method === "fullnat" && !template) parts.push(`as ${endpointText(local)}`);
  if (service?.kind === "mark" && !template) parts.push(`mark ${service.mark}`);
  if (engine !== null) parts.push(`${engine.name} ${engine.data}`);
  return parts.join(", ");
}

/** `address:port`, `[address]:port`. */
export function endpointText({ family, address, port }: Endpoint): string {
  return family === 4 ? `${address}:${port}` : `[${address}]:${port}`;
}

function widthsOf(rows: readonly (readonly string[])[]): number[] {
  return TITLES.map((_, column) => rows.reduce((width, row) => Math.max(width, row[column]!.length), 0));
}

function line(row: readonly string[], widths: readonly number[]): string {
  return `${row
    .map((cell, column) => cell.padEnd(widths[column]!))
    .join("  ")
    .trimEnd()}\n`;
}
