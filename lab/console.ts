import { styleText } from "node:util";

/** A lab whose check did not come out as promised. */
export class LabFailure extends Error {
  readonly code = "LAB_FAILED";
  constructor(message: string) {
    super(message);
    this.name = "LabFailure";
  }
}

/** What a lab shows. */
export interface Console {
  /** The next part begins. */
  step(title: string): void;
  /** A command as a person would type it, at the host of that name; "": at the one that all is about. */
  command(text: string, host?: string): void;
  say(text: string): void;
  /** Live progress, 0 … 1, on one line of a terminal; silent elsewhere. */
  progress(part: number, text: string): void;
  progressDone(): void;
  table(header: readonly string[], rows: readonly (readonly string[])[]): void;
}

const BAR = 30;

/** Writes to a stream; colours and live progress on a terminal only. */
export function streamConsole(out: NodeJS.WriteStream): Console {
  const live = out.isTTY === true;
  const write = (text: string) => void out.write(text);
  const style = (kind: "bold" | "cyan", text: string) => (live ? styleText(kind, text) : text);
  let last = "";
  return {
    step: (title) => write(`\n${style("bold", `── ${title}`)}\n`),
    command: (text, host = "") => write(`${style("cyan", `${host}# ${text}`)}\n`),
    say: (text) => write(text.endsWith("\n") ? text : `${text}\n`),
    progress: (part, text) => {
      const full = Math.round(Math.min(Math.max(part, 0), 1) * BAR);
      last = `[${"█".repeat(full)}${"·".repeat(BAR - full)}] ${text}`;
      if (live) write(`\r${last}\u001b[K`);
    },
    progressDone: () => write(live ? "\n" : `${last}\n`),
    table: (header, rows) => {
      const widths = header.map((title, i) =>
        Math.max(title.length, ...rows.map((row) => row[i]?.length ?? 0)),
      );
      const line = (cells: readonly string[]) =>
        `  ${cells.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join("  ")}\n`;
      write(line(header));
      for (const row of rows) write(line(row));
    },
  };
}
