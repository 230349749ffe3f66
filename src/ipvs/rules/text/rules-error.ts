/**
 * How a command about rules can fail, in the way of iptables:
 *
 * - "usage": the words make no sense; exit status 2, and the way to the help
 * - "argument": a word where none belongs; as "usage", but printed without the program's version
 * - "family": words for the other family's program; as "usage", and the help is all that is said
 * - "version": there is no such table; exit status 3
 * - "failed": what the words speak of is not there, or is there already; exit status 1
 * - "other": exit status 1, with the program's version
 * - "refused": the rules are right, but cannot hold; exit status 4
 */
export type RulesErrorKind = "usage" | "argument" | "family" | "version" | "failed" | "other" | "refused";

/** A command about rules failed. Nothing of it has taken effect. The message is iptables' own where it has one. */
export class RulesError extends Error {
  override readonly name = "RulesError";
  readonly code: RulesErrorKind;
  /** What is wanted is beyond us, and perhaps not beyond the system's iptables. */
  readonly isForeign: boolean;

  constructor(code: RulesErrorKind, message: string, { isForeign = false } = {}) {
    super(message);
    this.code = code;
    this.isForeign = isForeign;
  }
}

/** The words make no sense. */
export function usage(message: string): RulesError {
  return new RulesError("usage", message);
}

/** The original may know it; we do not have it. */
export function foreign(what: string): RulesError {
  return new RulesError("usage", `${what} is none of ours: there are only rules that give marks`, {
    isForeign: true,
  });
}
