// SPDX-License-Identifier: MIT OR GPL-2.0-only
/**
 * The programs that the datapath is made of. All are `ingress`, compiled with other options, and stand in the array
 * `programs`; the first is also the one that is attached.
 */
import type { Machine } from "../bpf/index.ts";
import { ingress } from "./ingress.ts";
import {
  PROGRAM_IPV4,
  PROGRAM_IPV4_ADMISSION,
  PROGRAM_IPV6,
  PROGRAM_IPV6_ADMISSION,
  programs,
} from "./tables.ts";

/** One of the datapath's programs: its slot in `programs`, and the options that make it. */
export interface DatapathProgram {
  readonly slot: number;
  readonly family: 4 | 6;
  readonly options: { readonly family: number; readonly admission: boolean };
}

/** In the order in which they are to be replaced: what is handed on to comes before what hands on. */
export const PROGRAMS: readonly DatapathProgram[] = [
  { slot: PROGRAM_IPV6_ADMISSION, family: 6, options: { family: 6, admission: true } },
  { slot: PROGRAM_IPV6, family: 6, options: { family: 6, admission: false } },
  { slot: PROGRAM_IPV4_ADMISSION, family: 4, options: { family: 4, admission: true } },
  { slot: PROGRAM_IPV4, family: 4, options: { family: 4, admission: false } },
];

/** Lets a simulated machine have all of them. */
export function installPrograms(machine: Machine): void {
  for (const { slot, options } of PROGRAMS) machine.setProgram(programs, slot, { entry: ingress, options });
}
