import type { Rule, RuleCounters } from "../model.ts";

/** What a listing shows. */
export interface ListOptions {
  /** Addresses, protocols and ports as numbers. */
  readonly numeric: boolean;
  readonly verbose: boolean;
  /** Counters in full. */
  readonly exact: boolean;
  readonly lineNumbers: boolean;
}

/** What a command line of iptables asks for. Positions count from 1. Several rules come from one line by its addresses. */
export type RulesCommand =
  | { readonly kind: "append"; readonly chain: string; readonly rules: readonly Rule[] }
  | { readonly kind: "delete"; readonly chain: string; readonly rules: readonly Rule[] }
  | { readonly kind: "check"; readonly chain: string; readonly rules: readonly Rule[] }
  | {
      readonly kind: "insert";
      readonly chain: string;
      readonly position: number;
      readonly rules: readonly Rule[];
    }
  | { readonly kind: "replace"; readonly chain: string; readonly position: number; readonly rule: Rule }
  | { readonly kind: "delete-number"; readonly chain: string; readonly position: number }
  | { readonly kind: "flush"; readonly chain: string | null }
  | { readonly kind: "delete-chain"; readonly chain: string | null }
  | { readonly kind: "zero"; readonly chain: string | null; readonly position: number | null }
  | { readonly kind: "new-chain"; readonly chain: string }
  | { readonly kind: "rename-chain"; readonly chain: string; readonly to: string }
  | {
      readonly kind: "policy";
      readonly chain: string;
      readonly policy: string;
      readonly counters: RuleCounters | null;
    }
  /** `zero`: and then zero what was listed. */
  | {
      readonly kind: "list" | "list-rules";
      readonly chain: string | null;
      readonly position: number | null;
      readonly zero: boolean;
      readonly options: ListOptions;
    };

/** A command line, read. */
export interface RulesLine {
  readonly command:
    | RulesCommand
    | { readonly kind: "help" }
    | { readonly kind: "version"; readonly negated: boolean };
  readonly table: string | null;
  readonly verbose: boolean;
  /** What to say although nothing is wrong. */
  readonly warnings: readonly string[];
}
