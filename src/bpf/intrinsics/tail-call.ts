import { intrinsic } from "../intrinsic.ts";
import type { ProgramArray } from "../maps/program-array.ts";
import type { Packet } from "../packet.ts";
import type { u32 } from "../schema/types.ts";
import { machine } from "../simulator/current.ts";
import { helper, map, packet, value } from "./lower.ts";

/**
 * Goes on with the program at `index` of `programs`, on the same packet, and does not come back: its verdict is the
 * verdict. Nothing of this program's stack lives on. Where the slot is empty, or after 33 such calls, nothing happens and
 * the code behind runs, so write what is to happen then:
 *
 *     tailCall(packet, programs, 1);
 *     return TC_NEXT;
 *
 * Only the entry can do this, and functions that are inlined into it (the compiler sees to that); not callbacks and
 * @separate functions. Views of the packet are unusable behind it.
 */
export const tailCall = intrinsic(
  helper(12, "tail_call", [packet(0), map(1), value(2)], "void", { invalidatesPackets: true }),
  (target: Packet, programs: ProgramArray, index: u32): void => machine().tailCall(target, programs, index),
);
