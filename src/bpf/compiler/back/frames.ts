/** Stack frames: where slots lie, and whether a chain of calls fits into 512 bytes. */
import { STACK_LIMIT } from "../../asm/index.ts";
import type { StackSlot } from "../../ir.ts";
import { StackLimitError, type StackUse } from "./errors.ts";
import type { Graph } from "./graph.ts";

/** The verifier counts each frame in steps of this. */
const FRAME_STEP = 32;

export interface SlotLayout {
  /** Offset of each slot from the frame pointer (negative). */
  readonly offsets: readonly number[];
  /** Bytes they take together. */
  readonly bytes: number;
}

/** One slot below the other. All are 8-byte aligned, as the verifier wants for helpers. */
export function layoutSlots(slots: readonly StackSlot[]): SlotLayout {
  let bytes = 0;
  const offsets = slots.map((slot) => {
    bytes += Math.ceil(slot.size / 8) * 8;
    return -bytes;
  });
  return { offsets, bytes };
}

/** A generated function's part in the stack. */
export interface Frame {
  readonly graph: Graph;
  readonly bytes: number;
  readonly uses: readonly StackUse[];
  /** Functions that run on top of this frame. */
  readonly callees: ReadonlySet<string>;
}

/** @throws StackLimitError naming the chain and what takes the most */
export function checkFrames(frames: ReadonlyMap<string, Frame>): void {
  const visit = (name: string, chain: readonly string[], below: number): void => {
    const frame = frames.get(name);
    if (!frame) return;
    const names = [...chain, name];
    // A chain of one may use the limit to the byte.
    const own = Math.max(1, Math.ceil(frame.bytes / FRAME_STEP)) * FRAME_STEP;
    const needed = below + own;
    if (needed > STACK_LIMIT) {
      const uses = names.flatMap((each) => [...frames.get(each)!.uses]);
      throw new StackLimitError(names, needed, STACK_LIMIT, uses, frame.graph.at);
    }
    for (const callee of frame.callees) visit(callee, names, needed);
  };
  for (const name of frames.keys()) visit(name, [], 0);
}
