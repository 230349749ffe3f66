/** Stack frames: where slots lie, and whether a chain of calls fits into 512 bytes. */
import { STACK_LIMIT } from "../../asm/index.ts";
import type { Reg } from "../../ir.ts";
import { StackLimitError, type StackUse } from "./errors.ts";
import type { Graph } from "./graph.ts";
import { forEachUse } from "./operands.ts";

/** The verifier counts each frame in steps of this. */
const FRAME_STEP = 32;

export interface SlotLayout {
  /** Offset of each slot from the frame pointer (negative). */
  readonly offsets: readonly number[];
  /** Bytes they take together. */
  readonly bytes: number;
}

/**
 * Places slots from the frame pointer down, 8-byte aligned as the verifier wants for helpers. Slots that never hold
 * anything at the same time share bytes; unused ones get none.
 */
export function layoutSlots(graph: Graph): SlotLayout {
  const all = new Set(graph.slots.keys());
  const conflicts = graph.slotConflicts ?? new Map([...all].map((slot) => [slot, all]));
  const offsets: number[] = graph.slots.map(() => 0);
  const placed = new Map<number, { readonly from: number; readonly to: number }>();
  const largestFirst = [...conflicts.keys()].sort(
    (a, b) => graph.slots[b]!.size - graph.slots[a]!.size || a - b,
  );
  let bytes = 0;
  for (const slot of largestFirst) {
    const size = Math.ceil(graph.slots[slot]!.size / 8) * 8;
    const taken = [...conflicts.get(slot)!].flatMap((other) => placed.get(other) ?? []);
    let from = 0;
    for (let again = true; again; ) {
      const blocking = taken.find((other) => from < other.to && other.from < from + size);
      again = blocking !== undefined;
      if (blocking) from = blocking.to;
    }
    placed.set(slot, { from, to: from + size });
    offsets[slot] = -(from + size);
    bytes = Math.max(bytes, from + size);
  }
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

/** bpf_timer_set_callback: what it is given runs later, on a stack of its own. */
const SET_TIMER_CALLBACK = 170;

/** Functions that run while a function's frame is there: those it calls, and callbacks other than timers'. */
export function calleesOf(graph: Graph): Set<string> {
  const callees = new Set<string>();
  const addresses = new Map<Reg, string>();
  const passed = new Set<Reg>();
  for (const block of graph.blocks.values()) {
    for (const instruction of block.instructions) {
      if (instruction.op === "call") callees.add(instruction.function);
      else if (instruction.op === "functionAddress") addresses.set(instruction.dst, instruction.function);
      if (instruction.op === "helper" && instruction.id === SET_TIMER_CALLBACK) continue;
      forEachUse(instruction, (reg) => passed.add(reg));
    }
  }
  for (const [reg, name] of addresses) if (passed.has(reg)) callees.add(name);
  return callees;
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
