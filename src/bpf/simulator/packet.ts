import { ETHERNET_LENGTH } from "../../net/index.ts";
import type { Packet } from "../packet.ts";
import { copyMemory, markRevocable } from "../schema/memory.ts";
import type { Infer, Schema } from "../schema/types.ts";
import { revoke, uncheckedViewOf } from "../schema/view.ts";
import { isView, type View } from "../schema/view-base.ts";
import { addChecksum, foldChecksum, subtractChecksum, sumBytes } from "./checksum.ts";
import type { Redirect } from "./current.ts";

const EFAULT = 14;
const EINVAL = 22;
const ENOMEM = 12;
const RECOMPUTE_CHECKSUM = 1;
const STORE_FLAGS = 3;

/**
 * What is known of the transport checksum, as the kernel keeps it:
 *
 * - `none`: nothing; the stack will verify it.
 * - `unnecessary`: it has been verified, and those of `level` (0 to 3; default 0) headers further inside.
 * - `partial`: a device will fill it in: of the bytes from `start` on, into the field `start + offset` bytes from the
 *   Ethernet header. The field holds the sum of the pseudo-header, not complemented.
 * - `complete`: `sum` is the 32-bit sum of everything behind the Ethernet header.
 */
export type ChecksumState =
  | { readonly kind: "none" }
  | { readonly kind: "unnecessary"; readonly level?: number }
  | { readonly kind: "partial"; readonly start: number; readonly offset: number }
  | { readonly kind: "complete"; readonly sum: number };

/** What a super-packet is cut into. */
export type GsoType = "tcp" | "udp";

export interface PacketOptions {
  /** Default: the EtherType in the Ethernet header. */
  readonly protocol?: number;
  /** PACKET_HOST 0 (default), BROADCAST 1, MULTICAST 2, OTHERHOST 3. */
  readonly type?: number;
  /** 1 if a VLAN tag travels beside the bytes; default 0. */
  readonly vlanPresent?: number;
  /** Default 1. */
  readonly ifindex?: number;
  /** Default: ifindex. */
  readonly ingressIfindex?: number;
  readonly mark?: number;
  /** The flow hash, 0 (default) if nobody has computed it yet. */
  readonly hash?: number;
  readonly priority?: number;
  readonly gsoSize?: number;
  readonly gsoSegments?: number;
  /** What the segments of a super-packet are. Default: by the protocol field of its IP header; TCP in tunnels. */
  readonly gsoType?: GsoType;
  /** How many bytes are directly accessible until `pullData`. Default: all. */
  readonly linearBytes?: number;
  /** Default: none. */
  readonly checksum?: ChecksumState;
}

/** A copy that `cloneRedirect` sent: where to, and the packet as it was. */
export interface Clone {
  readonly ifindex: number;
  readonly flags: number;
  readonly packet: SimulatedPacket;
}

/** A packet of the simulator: its bytes from the Ethernet header on, and what the kernel keeps beside them. */
export class SimulatedPacket implements Packet {
  protocol: number;
  readonly type: number;
  readonly vlanPresent: number;
  readonly ifindex: number;
  readonly ingressIfindex: number;
  gsoSize: number;
  gsoSegments: number;
  readonly gsoType: GsoType;
  hash: number;
  linearBytes: number;
  checksum: ChecksumState;
  /** `flags` of the `adjustRoom` that made this an encapsulated packet, else undefined. */
  encapsulation: bigint | undefined = undefined;
  /** Where it went: set when a program returned TC_REDIRECT after a redirect helper. */
  redirected: Redirect | undefined = undefined;
  /** The copies that the last program sent, in order. */
  clones: Clone[] = [];
  #mark: number;
  #priority: number;
  #data: DataView<ArrayBuffer>;
  #views: View[] = [];

  constructor(bytes: Uint8Array, options: PacketOptions = {}) {
    this.#data = SimulatedPacket.#memory(bytes.length);
    new Uint8Array(this.#data.buffer).set(bytes);
    const etherType = bytes.length < ETHERNET_LENGTH ? 0 : this.#data.getUint16(12);
    this.protocol = options.protocol ?? etherType;
    this.type = options.type ?? 0;
    this.vlanPresent = options.vlanPresent ?? 0;
    this.ifindex = options.ifindex ?? 1;
    this.ingressIfindex = options.ingressIfindex ?? this.ifindex;
    this.#mark = options.mark ?? 0;
    this.#priority = options.priority ?? 0;
    this.hash = options.hash ?? 0;
    this.gsoSize = options.gsoSize ?? 0;
    this.gsoSegments = options.gsoSegments ?? 0;
    this.gsoType = options.gsoType ?? gsoTypeOf(this.#data, this.protocol);
    this.linearBytes = Math.min(options.linearBytes ?? bytes.length, bytes.length);
    this.checksum = options.checksum ?? { kind: "none" };
  }

  static #memory(length: number): DataView<ArrayBuffer> {
    const buffer = new ArrayBuffer(length);
    markRevocable(buffer);
    return new DataView(buffer);
  }

  get length(): number {
    return this.#data.byteLength;
  }

  get mark(): number {
    return this.#mark;
  }

  set mark(value: number) {
    this.#mark = value >>> 0;
  }

  get priority(): number {
    return this.#priority;
  }

  set priority(value: number) {
    this.#priority = value >>> 0;
  }

  /** Another packet like this one, without the record of what became of it. */
  copy(): SimulatedPacket {
    const other = new SimulatedPacket(this.bytes, this);
    other.encapsulation = this.encapsulation;
    return other;
  }

  /** The bytes as they are now (not a copy; of no use after the packet was resized). */
  get bytes(): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.#data.buffer);
  }

  get data(): DataView<ArrayBuffer> {
    return this.#data;
  }

  header<S extends Schema>(schema: S, offset: number): Infer<S> | null {
    if (!Number.isInteger(offset) || offset < 0 || offset > 0xffff) {
      throw new RangeError(`packet.header: the offset must be an integer from 0 to 65535, not ${offset}`);
    }
    if (offset + schema.size > this.linearBytes) return null;
    const view = uncheckedViewOf(schema, this.#data, offset);
    if (isView(view)) this.#views.push(view);
    return view as Infer<S>;
  }

  /** Makes every view taken so far throw when used. */
  revokeViews(): void {
    for (const view of this.#views) revoke(view);
    this.#views = [];
  }

  /** Makes the first `end` bytes directly accessible; false if there are not so many. */
  makeWritable(end: number): boolean {
    if (end > this.length) return false;
    this.linearBytes = Math.max(this.linearBytes, end);
    return true;
  }

  /** `pullData` */
  pull(length: number): number {
    this.revokeViews();
    return this.makeWritable(length) ? 0 : -ENOMEM;
  }

  /** `loadBytes` */
  load(offset: number, to: DataView, at: number, size: number): number {
    if (offset + size > this.length) {
      for (let i = 0; i < size; i++) to.setUint8(at + i, 0);
      return -EFAULT;
    }
    copyMemory(to, at, this.#data, offset, size);
    return 0;
  }

  /** `storeBytes` */
  store(offset: number, from: DataView, at: number, size: number, flags: number): number {
    const source = new DataView(from.buffer.slice(from.byteOffset + at, from.byteOffset + at + size));
    this.revokeViews();
    if ((flags & ~STORE_FLAGS) !== 0) return -EINVAL;
    if (!this.makeWritable(offset + size)) return -EFAULT;
    const before = sumBytes(this.#data, offset, size);
    copyMemory(this.#data, offset, source, 0, size);
    if (this.checksum.kind === "complete" && (flags & RECOMPUTE_CHECKSUM) !== 0) {
      const change = subtractChecksum(sumBytes(this.#data, offset, size), before);
      const rotated = offset % 2 === 0 ? change : swapped(foldChecksum(change));
      this.checksum = { kind: "complete", sum: addChecksum(this.checksum.sum, rotated) };
    }
    return 0;
  }

  /** Replaces `removed` bytes at `offset` by `inserted` zeroes; what is linear stays so. Views become unusable. */
  splice(offset: number, removed: number, inserted: number): void {
    this.revokeViews();
    const old = this.bytes;
    if (this.checksum.kind === "complete" && removed > 0 && offset + removed < old.length) {
      const gone = sumBytes(this.#data, offset, removed);
      this.checksum = { kind: "complete", sum: subtractChecksum(this.checksum.sum, gone) };
    }
    const linear = Math.max(this.linearBytes, offset + removed);
    this.#data = SimulatedPacket.#memory(old.length - removed + inserted);
    this.bytes.set(old.subarray(0, offset));
    this.bytes.set(old.subarray(offset + removed), offset + inserted);
    this.linearBytes = Math.min(this.length, linear - removed + inserted);
    if (this.checksum.kind === "partial" && this.checksum.start >= offset) {
      this.checksum = { ...this.checksum, start: this.checksum.start - removed + inserted };
    }
  }
}

const UDP = 17;

function gsoTypeOf(data: DataView, protocol: number): GsoType {
  const at = ETHERNET_LENGTH + (protocol === 0x0800 ? 9 : 6);
  return at < data.byteLength && data.getUint8(at) === UDP ? "udp" : "tcp";
}

function swapped(sum: number): number {
  return ((sum & 0xff) << 8) | (sum >>> 8);
}

/** The simulated packet behind a Packet. Throws TypeError for others: helpers of the simulator work on its packets. */
export function simulated(packet: Packet): SimulatedPacket {
  if (packet instanceof SimulatedPacket) return packet;
  throw new TypeError(
    "helpers of the simulator work on its own packets: new SimulatedPacket(bytes, options)",
  );
}
