/** What there is to be told and asked about the rules of a network namespace. */
import type { Family } from "../model.ts";
import type { RuleSet } from "./model.ts";

/** All calls are synchronous and complete when they return; each may throw an `IpvsError` of code EPERM, EBUSY or EIO. */
export interface RuleAdministration {
  /** The rules that hold, with their counters. Empty (`emptyRuleSet`) where there never were any; makes nothing. */
  ruleSet(family: Family): RuleSet;

  /**
   * Calls `change` with the rules that hold, while nobody else changes them, and puts what it answers in their place: by one store,
   * so that each packet meets the one or the other. Counters that `change` hands on unchanged go on counting. Answered the same
   * object, nothing is done. If `change` throws, nothing is changed.
   *
   * @throws IpvsError EINVAL: rules that cannot be carried out (a chain that is not there, a loop, a set); ENOSPC: no room
   */
  change(family: Family, change: (present: RuleSet) => RuleSet): void;

  /** Gives up what the instance holds. The rules stay. Idempotent. */
  close(): void;
}
