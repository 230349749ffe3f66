// SPDX-License-Identifier: MIT OR GPL-2.0-only
import type { Machine } from "../bpf/index.ts";
import { ingress } from "./ingress.ts";
import { PROGRAMS } from "./programs.ts";
import { programs } from "./tables.ts";

/** Lets a simulated machine have all programs of the datapath. */
export function installPrograms(machine: Machine): void {
  for (const { slot, options } of PROGRAMS) machine.setProgram(programs, slot, { entry: ingress, options });
}
