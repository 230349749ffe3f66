// SPDX-License-Identifier: MIT OR GPL-2.0-only
/**
 * Asks the kernel's routing and neighbour tables what `fibLookup` would answer a program of the datapath: for whoever runs that in
 * the simulator. The request stands in `question`, and is replaced by the answer.
 */
import {
  arrayMap,
  copy,
  FibLookup,
  fibLookup,
  type Infer,
  make,
  type Packet,
  s32,
  struct,
  u32,
} from "../bpf/index.ts";

/** A request and what was answered: a FIB_* code. */
export const RouteQuestion = struct("RouteQuestion", { request: FibLookup, answer: s32, reserved: u32 });
export type RouteQuestion = Infer<typeof RouteQuestion>;
export const question = arrayMap("question", { value: RouteQuestion, entries: 1, mappable: true });

/** The entry of the program: any packet will do. */
export function askRoute(packet: Packet): u32 {
  const asked = question.at(0);
  const request = make(FibLookup);
  copy(request, asked.request);
  asked.answer = fibLookup(packet, request, 0);
  copy(asked.request, request);
  return 0;
}
