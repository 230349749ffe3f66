/**
 * Netlink attributes: type, length and value, aligned to four bytes, nested at will. They are plain values until
 * encodeAttributes makes bytes of them. Integers are in the machine's byte order (little-endian on all we support)
 * unless a name says otherwise.
 *
 *   0  length with this header (2)   2  type (2), with flags NESTED 0x8000 and NET_BYTEORDER 0x4000   4  value
 */
export interface Attribute {
  readonly type: number;
  readonly value: Uint8Array | readonly Attribute[];
}

const NESTED = 0x8000;
const TYPE_MASK = 0x3fff;

function integer(type: number, size: number, write: (view: DataView) => void): Attribute {
  const value = new Uint8Array(size);
  write(new DataView(value.buffer));
  return { type, value };
}

/** Constructors of attributes. */
export const attribute = {
  u8: (type: number, value: number) => integer(type, 1, (view) => view.setUint8(0, value)),
  u16: (type: number, value: number) => integer(type, 2, (view) => view.setUint16(0, value, true)),
  u16be: (type: number, value: number) => integer(type, 2, (view) => view.setUint16(0, value)),
  u32: (type: number, value: number) => integer(type, 4, (view) => view.setUint32(0, value, true)),
  u32be: (type: number, value: number) => integer(type, 4, (view) => view.setUint32(0, value)),
  u64: (type: number, value: bigint) => integer(type, 8, (view) => view.setBigUint64(0, value, true)),
  /** A string with its NUL. */
  text: (type: number, value: string): Attribute => ({ type, value: new TextEncoder().encode(`${value}\0`) }),
  bytes: (type: number, value: Uint8Array): Attribute => ({ type, value }),
  /** An attribute whose presence is its value. */
  flag: (type: number): Attribute => ({ type, value: new Uint8Array(0) }),
  nested: (type: number, ...value: readonly Attribute[]): Attribute => ({ type, value }),
} as const;

/** The bytes of attributes, each padded to four bytes, after `header` (a family's fixed header), padded likewise. */
export function encodeAttributes(attributes: readonly Attribute[], header?: Uint8Array): Uint8Array {
  const start = align(header?.length ?? 0);
  const bytes = new Uint8Array(attributes.reduce((sum, each) => sum + align(sizeOf(each)), start));
  if (header !== undefined) bytes.set(header);
  write(attributes, bytes, start);
  return bytes;
}

function sizeOf({ value }: Attribute): number {
  if (value instanceof Uint8Array) return 4 + value.length;
  return value.reduce((sum, each) => sum + align(sizeOf(each)), 4);
}

function write(attributes: readonly Attribute[], bytes: Uint8Array, start: number): number {
  let at = start;
  for (const each of attributes) {
    const size = sizeOf(each);
    if (size > 0xffff) throw new RangeError(`a netlink attribute holds at most 65531 bytes, not ${size - 4}`);
    const nested = !(each.value instanceof Uint8Array);
    const type = nested ? each.type | NESTED : each.type;
    bytes.set([size & 0xff, size >> 8, type & 0xff, type >> 8], at);
    if (each.value instanceof Uint8Array) bytes.set(each.value, at + 4);
    else write(each.value, bytes, at + 4);
    at += align(size);
  }
  return at;
}

/** `size` rounded up to a multiple of four. */
export function align(size: number): number {
  return (size + 3) & ~3;
}

/** Attributes that were received, by type. Of several with one type, the last counts; `all` has every one. */
export class AttributeSet {
  readonly all: readonly { readonly type: number; readonly value: Uint8Array }[];

  constructor(bytes: Uint8Array) {
    this.all = decode(bytes);
  }

  bytes(type: number): Uint8Array | undefined {
    return this.all.findLast((each) => each.type === type)?.value;
  }

  has(type: number): boolean {
    return this.bytes(type) !== undefined;
  }

  u8(type: number): number | undefined {
    return this.bytes(type)?.[0];
  }

  u16(type: number): number | undefined {
    return this.#read(type, 2)?.getUint16(0, true);
  }

  u16be(type: number): number | undefined {
    return this.#read(type, 2)?.getUint16(0);
  }

  u32(type: number): number | undefined {
    return this.#read(type, 4)?.getUint32(0, true);
  }

  u32be(type: number): number | undefined {
    return this.#read(type, 4)?.getUint32(0);
  }

  i32(type: number): number | undefined {
    return this.#read(type, 4)?.getInt32(0, true);
  }

  u64(type: number): bigint | undefined {
    return this.#read(type, 8)?.getBigUint64(0, true);
  }

  /** A string, up to its NUL. */
  text(type: number): string | undefined {
    const value = this.bytes(type);
    if (value === undefined) return undefined;
    const end = value.indexOf(0);
    return new TextDecoder().decode(end === -1 ? value : value.subarray(0, end));
  }

  nested(type: number): AttributeSet | undefined {
    const value = this.bytes(type);
    return value === undefined ? undefined : new AttributeSet(value);
  }

  #read(type: number, size: number): DataView | undefined {
    const value = this.bytes(type);
    if (value === undefined || value.length < size) return undefined;
    return new DataView(value.buffer, value.byteOffset, value.byteLength);
  }
}

function decode(bytes: Uint8Array): { type: number; value: Uint8Array }[] {
  const found: { type: number; value: Uint8Array }[] = [];
  for (let at = 0; at + 4 <= bytes.length; ) {
    const size = bytes[at]! | (bytes[at + 1]! << 8);
    const type = (bytes[at + 2]! | (bytes[at + 3]! << 8)) & TYPE_MASK;
    if (size < 4 || at + size > bytes.length) break;
    found.push({ type, value: bytes.subarray(at + 4, at + size) });
    at += align(size);
  }
  return found;
}
