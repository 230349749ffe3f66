import type { ProgramFigures } from "./measure.ts";

/** Figures of programs as a table in Markdown. */
export function programTable(list: readonly ProgramFigures[]): string {
  const text = (value: number) => (Number.isNaN(value) ? "" : value.toFixed(0));
  const lines = list.map(({ name, known, reply, fresh, knownOnce, freshOnce }) =>
    [name, ...[known, reply, fresh, knownOnce, freshOnce].map(text)].join(" | "),
  );
  return [
    "| ns a packet | known | reply | new flow | known, once | new flow, once |",
    "|---|---:|---:|---:|---:|---:|",
    ...lines.map((line) => `| ${line} |`),
    "",
  ].join("\n");
}
