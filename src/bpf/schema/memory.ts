/** Bytes copied between places in memory, and what makes a place in memory unusable. */

/** A reference was used after a helper had moved (or could have moved) the packet it points into. */
export class StaleReferenceError extends Error {
  override readonly name = "StaleReferenceError";
  readonly code = "ERR_STALE_REFERENCE";
  constructor() {
    super(
      "this reference into the packet is no longer usable: a helper that may move packet data was called since; " +
        "ask packet.header for it again",
    );
  }
}

/** Stands in for the memory of revoked views: any use throws StaleReferenceError. */
export const STALE: DataView = new Proxy(new DataView(new ArrayBuffer(0)), {
  get() {
    throw new StaleReferenceError();
  },
});

const revocable = new WeakSet<ArrayBufferLike>();

/** Views over this buffer may be revoked; so none of them may be a typed array, which cannot be. */
export function markRevocable(buffer: ArrayBufferLike): void {
  revocable.add(buffer);
}

export function isRevocable(buffer: ArrayBufferLike): boolean {
  return revocable.has(buffer);
}

/** Below this many bytes a loop is faster than two typed arrays and a `set`. */
const LOOP_LIMIT = 96;

/** Copies `size` bytes; the two places do not overlap partially. */
export function copyMemory(to: DataView, toAt: number, from: DataView, fromAt: number, size: number): void {
  if (size > LOOP_LIMIT) {
    const source = new Uint8Array(from.buffer, from.byteOffset + fromAt, size);
    new Uint8Array(to.buffer, to.byteOffset + toAt, size).set(source);
    return;
  }
  let i = 0;
  for (; i + 4 <= size; i += 4) to.setUint32(toAt + i, from.getUint32(fromAt + i));
  for (; i < size; i++) to.setUint8(toAt + i, from.getUint8(fromAt + i));
}
