/** Stack frames: where slots lie, and whether a chain of calls fits into 512 bytes. */
import { STACK_LIMIT } from "../../asm/index.ts";
import { StackLimitError, type StackUse } from "./errors.ts";
import type { Graph } from "./graph.ts";
import { overlappingSlots } from "./share-slots.ts";

/** The verifier counts each frame in steps of this. */
const FRAME_STEP = 32;

export interface SlotLayout {
  /** Offset of each slot from the frame pointer (negative). */
  readonly offsets: readonly number[];
  /** Bytes they take together. */
  readonly bytes: number;
}

/**
 * Places slots, the largest first, each as high as those that live at the same time allow. All are 8-byte aligned, as the
 * verifier wants for helpers.
 */
export function layoutSlots(graph: Graph): SlotLayout {
  const sizes = graph.slots.map((slot) => Math.ceil(slot.size / 8) * 8);
  const overlaps = overlappingSlots(graph);
  const ends: number[] = sizes.map(() => 0);
  const order = sizes.map((_, slot) => slot).sort((a, b) => sizes[b]! - sizes[a]! || a - b);
  const placed: number[] = [];
  for (const slot of order) {
    const taken = placed
      .filter((other) => (overlaps[slot]! >> BigInt(other)) & 1n)
      .sort((a, b) => ends[a]! - ends[b]!);
    let top = 0;
    for (const other of taken) {
      if (ends[other]! - sizes[other]! >= top + sizes[slot]!) break;
      top = Math.max(top, ends[other]!);
    }
    ends[slot] = top + sizes[slot]!;
    placed.push(slot);
  }
  return { offsets: ends.map((end) => -end), bytes: Math.max(0, ...ends) };
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
