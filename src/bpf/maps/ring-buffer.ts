import { nothing } from "../schema/struct.ts";
import type { ArraySchema, Scalar } from "../schema/types.ts";
import { KernelMap } from "./kernel-map.ts";

type Nothing = ArraySchema<Scalar<number>>;

/** Records from the kernel to user space, in order. `entries` is its size in bytes. */
export class RingBufferMap extends KernelMap<Nothing, Nothing> {
  readonly kind = "ringBuffer";

  constructor(name: string, options: { readonly bytes: number }) {
    super("ringBuffer", { name, key: nothing, value: nothing, entries: options.bytes });
  }

  /** Appends a copy of what `view` refers to. Returns 0 or -11 (EAGAIN: no room). Flags: RING_NO_WAKEUP, RING_FORCE_WAKEUP. */
  output(view: object, flags = 0): number {
    return this.storage.output(view, flags);
  }
}

/** Records from the kernel to user space; `bytes` is a power of two of at least 4096. */
export function ringBuffer(name: string, options: { readonly bytes: number }): RingBufferMap {
  return new RingBufferMap(name, options);
}
