import { mmapFile, munmapFile, pageSize } from "../../linux/index.ts";

/** Bits of the first word of a record: still being written; thrown away by its writer. The rest is its length. */
const BUSY = 0x8000_0000;
const DISCARDED = 0x4000_0000;
/** Each record begins with u32 length and bits, u32 for the kernel's own use, and is padded to 8 bytes. */
const HEADER_SIZE = 8;

/**
 * Reads the records of a ring buffer map from its memory, without system calls.
 *
 *     page 0         consumer position (u64, ours to write)
 *     page 1         producer position (u64)
 *     then twice     the same data, so that a record never wraps
 */
export class RingReader {
  readonly #mask: number;
  readonly #ours: ArrayBuffer;
  readonly #theirs: ArrayBuffer;
  readonly #consumer: BigUint64Array;
  readonly #producer: BigUint64Array;
  readonly #words: Uint32Array;
  readonly #data: Uint8Array;
  #consuming = false;
  #closed = false;

  constructor(fd: number, bytes: number) {
    const page = pageSize();
    this.#mask = bytes - 1;
    this.#ours = mmapFile(fd, page, { write: true });
    this.#theirs = mmapFile(fd, page + 2 * bytes, { offset: page });
    this.#consumer = new BigUint64Array(this.#ours, 0, 1);
    this.#producer = new BigUint64Array(this.#theirs, 0, 1);
    this.#words = new Uint32Array(this.#theirs, page);
    this.#data = new Uint8Array(this.#theirs, page);
  }

  /**
   * Hands over each complete record; its bytes may be overwritten once `handler` has returned. A record whose
   * handler throws is consumed. Returns how many there were.
   */
  consume(handler: (record: Uint8Array) => void): number {
    if (this.#consuming) throw new Error("a handler of ring buffer records cannot consume records itself");
    this.#consuming = true;
    try {
      return this.#consume(handler);
    } finally {
      this.#consuming = false;
      if (this.#closed) this.#unmap();
    }
  }

  #consume(handler: (record: Uint8Array) => void): number {
    let position = Atomics.load(this.#consumer, 0);
    let count = 0;
    while (!this.#closed && position < Atomics.load(this.#producer, 0)) {
      const offset = Number(position & BigInt(this.#mask));
      const head = Atomics.load(this.#words, offset / 4);
      if ((head & BUSY) !== 0) break;
      const length = (head & ~(BUSY | DISCARDED)) >>> 0;
      position += BigInt(HEADER_SIZE + Math.ceil(length / 8) * 8);
      try {
        if ((head & DISCARDED) === 0) {
          count++;
          handler(this.#data.subarray(offset + HEADER_SIZE, offset + HEADER_SIZE + length));
        }
      } finally {
        Atomics.store(this.#consumer, 0, position);
      }
    }
    return count;
  }

  /** Unmaps the memory, after the handler that is at work: no record may be touched any more. Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    if (!this.#consuming) this.#unmap();
  }

  #unmap(): void {
    munmapFile(this.#ours);
    munmapFile(this.#theirs);
  }
}
