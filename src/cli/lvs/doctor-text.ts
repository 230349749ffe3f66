import { commandOf, type Finding, isSafe, type Role, type Severity } from "../../ipvs/doctor/finding.ts";

/** A finding, and whether `--fix` has mended it. */
export interface ReportedFinding {
  readonly finding: Finding;
  readonly fixed: boolean;
}

const ORDER: readonly Severity[] = ["error", "warning", "note"];
const ROLE_TEXT: Readonly<Record<Role, string>> = { director: "a director", realserver: "a real server" };

/** `lvs doctor --json`: an array; new keys may come. */
export function doctorJson(report: readonly ReportedFinding[]): string {
  const objects = report.map(({ finding: { remedy, ...finding }, fixed }) => ({
    ...finding,
    command: remedy === null ? null : commandOf(remedy),
    safe: isSafe(remedy),
    fixed,
  }));
  return `${JSON.stringify(objects, null, 2)}\n`;
}

/** `lvs doctor` for people: the worst first, and what it comes to. */
export function doctorText(report: readonly ReportedFinding[], roles: readonly Role[]): string {
  const sorted = [...report].sort((a, b) => rank(a) - rank(b));
  return [...sorted.map(paragraph), summary(report, roles)].join("\n");
}

function rank({ finding, fixed }: ReportedFinding): number {
  return fixed ? -1 : ORDER.indexOf(finding.severity);
}

function paragraph({
  finding: { code, severity, where, what, why, remedy },
  fixed,
}: ReportedFinding): string {
  const lines = [`${fixed ? "fixed" : severity}: ${where} [${code}]`, `  ${what}`, `  ${why}`];
  if (remedy !== null)
    lines.push(`  ${fixed ? "ran" : isSafe(remedy) ? "--fix" : "try"}: ${commandOf(remedy)}`);
  return `${lines.join("\n")}\n`;
}

function summary(report: readonly ReportedFinding[], roles: readonly Role[]): string {
  const as = roles.map((role) => ROLE_TEXT[role]).join(" and ") || "a host without LVS";
  const counts = [
    ...ORDER.map((severity) => {
      const count = report.filter(({ finding, fixed }) => !fixed && finding.severity === severity).length;
      return [count, severity] as const;
    }),
    [report.filter(({ fixed }) => fixed).length, "fixed"] as const,
  ].filter(([count]) => count > 0);
  const text = counts
    .map(([count, word]) => `${count} ${word}${word !== "fixed" && count > 1 ? "s" : ""}`)
    .join(", ");
  return `As ${as}: ${text === "" ? "nothing found" : text}.\n`;
}
