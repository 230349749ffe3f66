/** What a doctor says: findings, as plain values. */
import { shellWord } from "../shell-word.ts";

/** What a host is looked at as. */
export type Role = "director" | "realserver";

/** "error": it does not work. "warning": it may not, or not always. "note": good to know. */
export type Severity = "error" | "warning" | "note";

/**
 * What mends a finding. "sysctl", "attach" and "feature" take nothing away that somebody has configured, and are what `--fix` does;
 * "advice" is a command for whoever administers the host.
 */
export type Remedy =
  | { readonly kind: "sysctl"; readonly settings: readonly (readonly [name: string, value: number])[] }
  /** None named: to all interfaces. */
  | { readonly kind: "attach"; readonly interfaces: readonly string[] }
  /** Turns off what an interface does for the stack, by the kernel's name for it ("rx-lro"). */
  | { readonly kind: "feature"; readonly link: string; readonly feature: string }
  | { readonly kind: "advice"; readonly command: string };

/** Something that does not work, or may not. docs/doctor.md has a paragraph for each code. */
export interface Finding {
  /** Stable: "forwarding-off". */
  readonly code: string;
  readonly severity: Severity;
  /** What it is about: a service, a server, an interface… as ipvsadm and ip print them. */
  readonly where: string;
  /** What was seen. */
  readonly what: string;
  /** What follows from it. */
  readonly why: string;
  /** Null: there is no command for it. That of a note is advice: nothing is changed for what may well be no fault. */
  readonly remedy: Remedy | null;
}

/** Whether `--fix` carries it out. */
export function isSafe(remedy: Remedy | null): remedy is Exclude<Remedy, { kind: "advice" }> {
  return remedy !== null && remedy.kind !== "advice";
}

/** The command line that does it, for a shell. */
export function commandOf(remedy: Remedy): string {
  switch (remedy.kind) {
    case "sysctl":
      return `sysctl -w ${remedy.settings.map(([name, value]) => shellWord(`${name}=${value}`)).join(" ")}`;
    case "attach":
      return ["lvs attach", ...remedy.interfaces.map(shellWord)].join(" ");
    case "feature":
      return `ethtool -K ${shellWord(remedy.link)} ${remedy.feature} off`;
    case "advice":
      return remedy.command;
  }
}
