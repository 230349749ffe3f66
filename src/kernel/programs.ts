// SPDX-License-Identifier: MIT OR GPL-2.0-only
/**
 * The programs that the datapath is made of. All are `ingress`, compiled with other options, and stand in the array
 * `programs`. PROGRAM_IPV4 is also the one that is attached where packets come in, PROGRAM_IPV4_OUTGOING where they go out.
 */
import {
  PROGRAM_IPV4,
  PROGRAM_IPV4_ADMISSION,
  PROGRAM_IPV4_ASIDE,
  PROGRAM_IPV4_OUTGOING,
  PROGRAM_IPV4_PAYLOAD,
  PROGRAM_IPV4_RULES,
  PROGRAM_IPV6,
  PROGRAM_IPV6_ADMISSION,
  PROGRAM_IPV6_ASIDE,
  PROGRAM_IPV6_OUTGOING,
  PROGRAM_IPV6_PAYLOAD,
  PROGRAM_IPV6_RULES,
} from "./tables.ts";

/** One of the datapath's programs: its slot in `programs`, and the options that make it. */
export interface DatapathProgram {
  readonly slot: number;
  readonly family: 4 | 6;
  /** Where it is attached or reached from: packets that come in, or that this host sends (needed for masqueraded servers on it only). */
  readonly direction: "in" | "out";
  readonly options: {
    readonly family: number;
    readonly admission: boolean;
    readonly outgoing: boolean;
    readonly aside: boolean;
    readonly ruling: boolean;
    readonly payload: boolean;
  };
}

type Role = "forward" | "admission" | "aside" | "outgoing" | "ruling" | "payload";

function program(slot: number, family: 4 | 6, role: Role): DatapathProgram {
  const is = (other: Role) => role === other;
  const options = {
    ...{ family, admission: is("admission"), outgoing: is("outgoing"), aside: is("aside") },
    ruling: is("ruling"),
    payload: is("payload"),
  };
  return { slot, family, direction: is("outgoing") ? "out" : "in", options };
}

/** In the order in which they are to be replaced: what is handed on to comes before what hands on. */
export const PROGRAMS: readonly DatapathProgram[] = [
  program(PROGRAM_IPV6_ADMISSION, 6, "admission"),
  program(PROGRAM_IPV6_ASIDE, 6, "aside"),
  program(PROGRAM_IPV6_PAYLOAD, 6, "payload"),
  program(PROGRAM_IPV6_RULES, 6, "ruling"),
  program(PROGRAM_IPV6, 6, "forward"),
  program(PROGRAM_IPV4_ADMISSION, 4, "admission"),
  program(PROGRAM_IPV4_ASIDE, 4, "aside"),
  program(PROGRAM_IPV4_PAYLOAD, 4, "payload"),
  program(PROGRAM_IPV4_RULES, 4, "ruling"),
  program(PROGRAM_IPV4, 4, "forward"),
  program(PROGRAM_IPV6_OUTGOING, 6, "outgoing"),
  program(PROGRAM_IPV4_OUTGOING, 4, "outgoing"),
];
