import { addressOf } from "../../linux/index.ts";

/** The kernel's limit for names of maps and programs: 16 bytes with the NUL. */
export const MAX_NAME = 15;

/** What the bytes of an attribute point to lives as long as these bytes, also when nobody holds the attribute. */
const pointees = new WeakMap<Uint8Array, Uint8Array[]>();

/**
 * The bytes of one union bpf_attr while they are filled in: native byte order (little-endian), every field zero
 * until set. The buffers that `bytes` points to stay reachable with it.
 */
export class Attribute {
  readonly bytes: Uint8Array;
  readonly #view: DataView;
  readonly #kept: Uint8Array[] = [];

  constructor(size: number) {
    this.bytes = new Uint8Array(size);
    this.#view = new DataView(this.bytes.buffer);
    pointees.set(this.bytes, this.#kept);
  }

  u32(offset: number, value: number): this {
    this.#view.setUint32(offset, value, true);
    return this;
  }

  u64(offset: number, value: bigint): this {
    this.#view.setBigUint64(offset, value, true);
    return this;
  }

  /** The address of `buffer`; NULL for none or an empty one. The buffer lives as long as `bytes`. */
  pointer(offset: number, buffer: Uint8Array | undefined): this {
    if (buffer === undefined || buffer.length === 0) return this.u64(offset, 0n);
    this.#kept.push(buffer);
    return this.u64(offset, addressOf(buffer));
  }

  /** The address of a NUL-terminated copy of `text`. */
  text(offset: number, text: string): this {
    return this.pointer(offset, new TextEncoder().encode(`${text}\0`));
  }

  /** An object name in place: 16 bytes, cut to {@link MAX_NAME} characters, others than [A-Za-z0-9_.] replaced. */
  name(offset: number, name: string): this {
    const safe = name.replaceAll(/[^A-Za-z0-9_.]/g, "_").slice(0, MAX_NAME);
    for (let index = 0; index < safe.length; index++) this.bytes[offset + index] = safe.charCodeAt(index);
    return this;
  }

  readU32(offset: number): number {
    return this.#view.getUint32(offset, true);
  }
}
