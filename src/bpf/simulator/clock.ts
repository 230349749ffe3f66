import type { TimedElement, TimerWheel } from "./current.ts";
import { Heap } from "./heap.ts";
import { EINVAL } from "./store.ts";

const EBUSY = 16;
const EDEADLK = 35;

interface Alarm {
  readonly due: bigint;
  readonly sequence: number;
  readonly timer: Timer;
}

interface Timer {
  readonly element: () => TimedElement;
  callback: ((key: unknown, value: unknown) => void) | undefined;
  /** The one alarm that counts; others in the queue are void. */
  alarm: Alarm | undefined;
  running: boolean;
}

/** The clock of a machine and the timers that run by it. It stands still until it is advanced. */
export class Clock implements TimerWheel {
  #now: bigint;
  #sequence = 0;
  #armed = 0;
  readonly #run: (body: () => void) => void;
  readonly #timers = new WeakMap<ArrayBufferLike, Map<number, Timer>>();
  readonly #queue = new Heap<Alarm>((a, b) => a.due < b.due || (a.due === b.due && a.sequence < b.sequence));

  /** `run` runs a callback in the machine. */
  constructor(now: bigint, run: (body: () => void) => void) {
    this.#now = now;
    this.#run = run;
  }

  /** Nanoseconds since boot. */
  get now(): bigint {
    return this.#now;
  }

  /** How many timers are running. */
  get timers(): number {
    return this.#armed;
  }

  /** When the next timer runs out, if any is running. */
  get next(): bigint | undefined {
    this.#dropVoid();
    return this.#queue.peek()?.due;
  }

  /** Lets so many nanoseconds pass; timers that run out meanwhile are called, in order, each at its time. */
  advance(nanoseconds: bigint | number): void {
    this.advanceTo(this.#now + BigInt(nanoseconds));
  }

  /** Lets time pass up to `target`. Throws RangeError for a time that is over. */
  advanceTo(target: bigint): void {
    if (target < this.#now)
      throw new RangeError(`the clock is at ${this.#now} ns; it does not go back to ${target}`);
    for (let due = this.next; due !== undefined && due <= target; due = this.next) {
      const { timer } = this.#queue.pop()!;
      if (due > this.#now) this.#now = due;
      this.#disarm(timer);
      this.#call(timer);
    }
    if (target > this.#now) this.#now = target;
  }

  init(data: DataView, offset: number, element: () => TimedElement): number {
    let timers = this.#timers.get(data.buffer);
    if (timers === undefined) {
      timers = new Map();
      this.#timers.set(data.buffer, timers);
    }
    const at = data.byteOffset + offset;
    if (timers.has(at)) return -EBUSY;
    timers.set(at, { element, callback: undefined, alarm: undefined, running: false });
    return 0;
  }

  setCallback(data: DataView, offset: number, callback: (key: unknown, value: unknown) => void): number {
    const timer = this.#find(data, offset);
    if (timer === undefined) return -EINVAL;
    timer.callback = callback;
    return 0;
  }

  start(data: DataView, offset: number, nanoseconds: bigint): number {
    const timer = this.#find(data, offset);
    if (timer === undefined) return -EINVAL;
    this.#disarm(timer);
    timer.alarm = { due: this.#now + nanoseconds, sequence: this.#sequence++, timer };
    this.#armed += 1;
    this.#queue.push(timer.alarm);
    return 0;
  }

  cancel(data: DataView, offset: number): number {
    const timer = this.#find(data, offset);
    if (timer === undefined) return -EINVAL;
    if (timer.running) return -EDEADLK;
    return this.#disarm(timer) ? 1 : 0;
  }

  free(data: DataView, offset: number): void {
    const timer = this.#find(data, offset);
    if (timer === undefined) return;
    this.#disarm(timer);
    this.#timers.get(data.buffer)?.delete(data.byteOffset + offset);
  }

  #find(data: DataView, offset: number): Timer | undefined {
    return this.#timers.get(data.buffer)?.get(data.byteOffset + offset);
  }

  #disarm(timer: Timer): boolean {
    if (timer.alarm === undefined) return false;
    timer.alarm = undefined;
    this.#armed -= 1;
    return true;
  }

  #call(timer: Timer): void {
    const { callback } = timer;
    if (callback === undefined) return;
    timer.running = true;
    try {
      this.#run(() => {
        const { key, value } = timer.element();
        callback(key, value);
      });
    } finally {
      timer.running = false;
    }
  }

  #dropVoid(): void {
    for (let first = this.#queue.peek(); first !== undefined; first = this.#queue.peek()) {
      if (first.timer.alarm === first) return;
      this.#queue.pop();
    }
  }
}
