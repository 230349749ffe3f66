import type { RuleNames } from "../names.ts";
import type { OptionSpec } from "../option-reader.ts";

/** What an extension can ask of the command line around its options. */
export interface RuleContext {
  readonly names: RuleNames;
  /** Of the rule as far as it has been read; null: any. */
  readonly protocol: { readonly negated: boolean; readonly number: number } | null;
  /** A further word behind an option's argument; null if what comes is an option. */
  readonly takeArgument: () => string | null;
}

/** An option of an extension, as it stands on the command line. */
export interface ExtensionOption {
  /** As the extension lists it. */
  readonly name: string;
  readonly value: string;
  readonly negated: boolean;
}

/** Reads the options of one match or target. */
export interface ExtensionReader<Result> {
  readonly options: readonly OptionSpec[];
  /** @throws RulesError */
  take(option: ExtensionOption, context: RuleContext): void;
  /** What was asked for, when all options have been taken. @throws RulesError */
  finish(context: RuleContext): Result;
}

/** Long options that take an argument. */
export function withArgument(...names: readonly string[]): OptionSpec[] {
  return names.map((long) => ({ long, argument: "required" as const }));
}
