/** Recorded cases in which ours differs from the original on purpose; docs/iptables.md has them too. */
export interface IptablesException {
  /** Why, for the test's report. */
  readonly reason: string;
  /** The ids of the cases. */
  readonly covers: readonly string[];
}

/** This is the whole list. */
export const IPTABLES_EXCEPTIONS: readonly IptablesException[] = [];
