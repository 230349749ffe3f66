import type { OptionSpec } from "./option-reader.ts";

/** A command by its letter. */
export type CommandLetter = "A" | "C" | "D" | "E" | "F" | "I" | "L" | "N" | "P" | "R" | "S" | "X" | "Z";

/** Options that not every command takes, by the letter that messages use, in the order in which they are complained of. */
export const RESTRICTED = ["n", "s", "d", "p", "j", "v", "x", "i", "o", "0", "c", "f"] as const;
export type RestrictedLetter = (typeof RESTRICTED)[number];

/** What each command takes of those. */
export const ALLOWED: Readonly<Record<CommandLetter | "D number", string>> = {
  A: "sdpjviocf",
  C: "sdpjviof",
  D: "sdpjviof",
  "D number": "v",
  E: "v",
  F: "v",
  I: "sdpjviocf",
  L: "nvx0",
  N: "v",
  P: "vc",
  R: "sdpjviocf",
  S: "v",
  X: "v",
  Z: "v",
};

function option(
  short: string,
  argument: OptionSpec["argument"],
  ...spellings: readonly string[]
): readonly OptionSpec[] {
  return spellings.map((long) => ({ long, short, argument }));
}

/** The options of iptables itself. */
export const OPTIONS: readonly OptionSpec[] = [
  ...option("A", "required", "append"),
  ...option("C", "required", "check"),
  ...option("D", "required", "delete"),
  ...option("E", "required", "rename-chain"),
  ...option("F", "optional", "flush"),
  ...option("I", "required", "insert"),
  ...option("L", "optional", "list"),
  ...option("N", "required", "new-chain"),
  ...option("P", "required", "policy"),
  ...option("R", "required", "replace"),
  ...option("S", "optional", "list-rules"),
  ...option("X", "optional", "delete-chain"),
  ...option("Z", "optional", "zero"),
  ...option("s", "required", "source", "src"),
  ...option("d", "required", "destination", "dst"),
  ...option("p", "required", "protocol"),
  ...option("i", "required", "in-interface"),
  ...option("o", "required", "out-interface"),
  ...option("f", "none", "fragments"),
  ...option("j", "required", "jump"),
  ...option("g", "required", "goto"),
  ...option("m", "required", "match"),
  ...option("t", "required", "table"),
  ...option("n", "none", "numeric"),
  ...option("v", "none", "verbose"),
  ...option("x", "none", "exact"),
  ...option("0", "none", "line-numbers"),
  ...option("c", "required", "set-counters"),
  ...option("w", "optional", "wait"),
  ...option("W", "required", "wait-interval"),
  ...option("M", "required", "modprobe"),
  ...option("4", "none", "ipv4"),
  ...option("6", "none", "ipv6"),
  ...option("V", "none", "version"),
  ...option("h", "optional", "help"),
];

const COMMANDS = "ACDEFILNPRSXZ";

export function isCommand(letter: string): letter is CommandLetter {
  return COMMANDS.includes(letter);
}
