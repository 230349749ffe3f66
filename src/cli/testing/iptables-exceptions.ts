/** Recorded cases in which ours differs from the original on purpose; docs/iptables.md has them too. */
export interface IptablesException {
  /** Why, for the test's report. */
  readonly reason: string;
  /** The ids of the cases. */
  readonly covers: readonly string[];
}

/** This is the whole list. */
export const IPTABLES_EXCEPTIONS: readonly IptablesException[] = [
  {
    reason: "all chains are there from the beginning; the original makes them when it first needs them",
    covers: ["chains/names: -X PREROUTING", "chains/names: -Z PREROUTING"],
  },
  {
    reason: "a chain is not renamed to what no chain can be called",
    covers: [
      "chains/chains that are there: -E foo ACCEPT",
      "chains/chains that are there: -E foo 'a b'",
      "chains/chains that are there: -E foo abcdefghijklmnopqrstuvwxyz123",
    ],
  },
  {
    reason: "what there is is saved, even if there never was a rule",
    covers: ["restore/saving where there never was a rule"],
  },
  {
    reason: "a built-in chain keeps its name",
    covers: ["chains/renaming a built-in chain"],
  },
  {
    reason: "no loop is taken, even if no packet comes to it",
    covers: ["chains/a loop that no packet comes to"],
  },
  {
    reason: "addresses may follow their option in the same word",
    covers: [
      "rules/addresses: -A PREROUTING --src=1.1.1.1",
      "rules/addresses: -A PREROUTING -s1.1.1.1 -d2.2.2.2",
    ],
  },
  {
    reason: "counters of rules of IPv6 are restored as those of IPv4",
    covers: ["restore/counters of rules of IPv6"],
  },
  {
    reason: "a comment is not cut",
    covers: [`rules/comments: -A PREROUTING -m comment --comment ${"x".repeat(256)}`],
  },
  {
    reason: "a chain that a file renames is there by its new name",
    covers: ["restore/a chain that was renamed in the same file"],
  },
  {
    reason: "a rule that is not there is not zeroed with success",
    covers: ["chains/zeroing"],
  },
  {
    reason: "the line of a file that jumps to a chain that is not there is named, not that of COMMIT",
    covers: [
      "restore/wrong: no such target",
      "restore/wrong: no such target, and more lines",
      "restore/wrong: a chain that is declared too late",
    ],
  },
  {
    reason: "all of a file holds, or nothing; the original goes by tables",
    covers: ["restore/wrong: a second table of a file"],
  },
  {
    reason: "a quote must be closed in its line: what is saved can be restored",
    covers: ["restore/wrong: a quote not closed"],
  },
  {
    reason: "what can never match is listed; the original leaves it out",
    covers: [
      "rules/transport: -A PREROUTING -p tcp ! --dport 0:65535",
      "rules/transport: -A PREROUTING -p tcp ! --tcp-flags NONE NONE",
      "rules/transport: -A PREROUTING -p tcp --tcp-flags NONE SYN",
      "rules/transport: -A PREROUTING -p tcp ! --tcp-flags NONE SYN",
      "rules/transport: -A PREROUTING -p udp ! --dport 0:65535",
    ],
  },
  {
    reason: "ports of what is not TCP, UDP or SCTP are refused",
    covers: ["syntax/transport: -A PREROUTING ! -p tcp --dport 80"],
  },
  {
    reason: "ports of UDP are checked as those of TCP; the original takes 65536 for 0",
    covers: [
      "syntax/transport: -A PREROUTING -p udp --dport 90:80",
      "syntax/transport: -A PREROUTING -p udp --dport 65536",
      "syntax/transport: -A PREROUTING -p udp --dport ''",
    ],
  },
];
