/** The machine in which kernel functions are running at this moment: the one state of this module. */

import type { FibLookup } from "../intrinsics/fib.ts";
import type { MapDefinition } from "../map.ts";
import type { Packet } from "../packet.ts";
import type { MapStorage } from "./storage.ts";

/** A redirect asked for by a helper; it takes place when the program returns TC_REDIRECT. */
export interface Redirect {
  readonly kind: "redirect" | "redirectNeighbour";
  readonly ifindex: number;
  readonly flags: number;
  /** The next hop that was named to `redirectNeighbour`. */
  readonly next?: { readonly family: number; readonly address: readonly number[] };
}

/** The timers of a machine, each identified by where it lies in memory. */
export interface TimerWheel {
  /** `element` finds the key and value that hold the timer, when it runs out. */
  init(data: DataView, offset: number, element: () => TimedElement): number;
  setCallback(data: DataView, offset: number, callback: (key: unknown, value: unknown) => void): number;
  start(data: DataView, offset: number, nanoseconds: bigint): number;
  cancel(data: DataView, offset: number): number;
  /** The element is gone: so is its timer. */
  free(data: DataView, offset: number): void;
}

/** The element that holds a timer, as callbacks get it. */
export interface TimedElement {
  readonly key: unknown;
  readonly value: unknown;
}

/** What maps, options and intrinsics ask of the machine they run in. */
export interface CurrentMachine {
  readonly cpu: number;
  readonly timers: TimerWheel;
  storage(map: MapDefinition): MapStorage;
  option(name: string): number | boolean | undefined;
  /** Nanoseconds since boot. */
  now(): bigint;
  /** 0 … 2³²−1. */
  random(): number;
  redirect(redirect: Redirect): void;
  /** Comes back only if there is no such program, or after too many. */
  tailCall(packet: Packet, programs: MapDefinition, index: number): void;
  fibLookup(packet: Packet, request: FibLookup, flags: number): number;
  lockTaken(): void;
  lockReleased(): void;
  /** Hears what `trace` says, if anyone watches. */
  readonly trace?: ((what: string, values: readonly number[]) => void) | undefined;
}

/** A kernel function was called outside a machine. */
export class NoMachineError extends Error {
  override readonly name = "NoMachineError";
  readonly code = "ERR_NO_MACHINE";
  constructor() {
    super(
      "kernel functions that use maps or helpers run in a machine: wrap the call in machine.run(() => …)",
    );
  }
}

let current: CurrentMachine | undefined;

/** The machine that runs now. Throws NoMachineError when none does. */
export function machine(): CurrentMachine {
  if (current === undefined) throw new NoMachineError();
  return current;
}

/** The machine that runs now, if any. */
export function runningMachine(): CurrentMachine | undefined {
  return current;
}

/** Runs `body` with `next` as the machine; machines nest. */
export function withMachine<T>(next: CurrentMachine, body: () => T): T {
  const previous = current;
  current = next;
  try {
    return body();
  } finally {
    current = previous;
  }
}
