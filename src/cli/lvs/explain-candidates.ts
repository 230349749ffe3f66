import type { Candidate, Step } from "../../ipvs/explain/model.ts";
import { endpointText } from "./connection-text.ts";

const TITLES = ["", "SERVER", "WEIGHT", "ACTIVE", "INACT", "COMPARED", ""] as const;

/** The servers that a scheduler chose from, in aligned columns; the chosen one has a star. */
export function candidateTable({
  candidates,
  random,
  scheduler,
}: Extract<Step, { step: "schedule" }>): string[] {
  if (candidates.length === 0) return ["the service has no servers"];
  const rows = [TITLES, ...candidates.map((each) => cells(each, random, scheduler === "lc"))];
  const widths = TITLES.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) =>
    row
      .map((cell, column) =>
        isNumeric(column) ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!),
      )
      .join("  ")
      .trimEnd(),
  );
}

function isNumeric(column: number): boolean {
  return column >= 2 && column <= 4;
}

function cells(candidate: Candidate, random: boolean, undivided: boolean): readonly string[] {
  const { server, weight, active, inactive, excluded, chance, chosen } = candidate;
  const notes = [
    ...(excluded === null ? [] : [excluded]),
    ...(chance === null ? [] : [`chance ${(100 * chance).toFixed(1)} %`]),
  ];
  const star = chosen ? (random ? "?" : "*") : " ";
  return [
    star,
    endpointText(server),
    String(weight),
    String(active),
    String(inactive),
    compared(candidate, undivided),
    notes.join(", "),
  ];
}

/** "770 / 3 = 256.67". */
function compared({ compared: numbers }: Candidate, undivided: boolean): string {
  if (numbers === null) return "-";
  const { load, divisor } = numbers;
  if (undivided) return String(load);
  const quotient = load / divisor;
  return `${load} / ${divisor} = ${Number.isInteger(quotient) ? quotient : quotient.toFixed(2)}`;
}
