import {
  BTF_HEADER_SIZE,
  BTF_KIND,
  BTF_MAGIC,
  BTF_TYPE_SIZE,
  type BtfId,
  type BtfMember,
  type BtfType,
} from "./types.ts";

/** A blob is not BTF, or ends within a type. */
export class BtfFormatError extends Error {
  override readonly name = "BtfFormatError";
  readonly code = "BTF_FORMAT";
}

const KIND_NAMES = Object.fromEntries(Object.entries(BTF_KIND).map(([name, kind]) => [kind, name])) as Record<
  number,
  keyof typeof BTF_KIND
>;
const LINKAGE = ["static", "global", "extern"] as const;

/**
 * A BTF blob, read lazily: opening it walks the types once to note where each begins (some milliseconds for the
 * 5 MB of a kernel); a type is decoded when it is asked for.
 */
export class Btf {
  readonly #bytes: Buffer;
  readonly #strings: number;
  readonly #end: number;
  /** Byte offset of the type with id i at index i; index 0 (void) is unused. */
  readonly #offsets: Uint32Array;
  readonly #count: number;

  /** Throws {@link BtfFormatError}. The bytes are not copied. */
  constructor(blob: Uint8Array) {
    const bytes = Buffer.from(blob.buffer, blob.byteOffset, blob.byteLength);
    if (bytes.length < BTF_HEADER_SIZE || bytes.readUInt16LE(0) !== BTF_MAGIC) {
      throw new BtfFormatError("this is not little-endian BTF: the magic number 0xeb9f is missing");
    }
    const header = bytes.readUInt32LE(4);
    const start = header + bytes.readUInt32LE(8);
    const end = start + bytes.readUInt32LE(12);
    this.#bytes = bytes;
    this.#strings = header + bytes.readUInt32LE(16);
    this.#end = this.#strings + bytes.readUInt32LE(20);
    if (end > bytes.length || this.#end > bytes.length) {
      throw new BtfFormatError(
        `the header promises ${Math.max(end, this.#end)} bytes, there are ${bytes.length}`,
      );
    }
    const offsets = new Uint32Array(1 + Math.floor((end - start) / BTF_TYPE_SIZE));
    let id = 0;
    for (let offset = start; offset < end; ) {
      if (offset + BTF_TYPE_SIZE > end) throw new BtfFormatError(`type ${id + 1} is cut off`);
      offsets[++id] = offset;
      offset += BTF_TYPE_SIZE + trailingBytes(bytes.readUInt32LE(offset + 4));
    }
    this.#offsets = offsets;
    this.#count = id;
  }

  /** The number of types; ids are 1 … count. */
  get count(): number {
    return this.#count;
  }

  /** The string at an offset of the string section. */
  string(offset: number): string {
    const start = this.#strings + offset;
    const end = this.#bytes.indexOf(0, start);
    if (start >= this.#end || end < 0) throw new BtfFormatError(`string offset ${offset} is out of range`);
    return this.#bytes.toString("utf8", start, end);
  }

  /** The ids of the types of this kind and name. */
  find(kind: keyof typeof BTF_KIND, name: string): BtfId[] {
    const wanted = this.#stringOffsets(name);
    const ids: BtfId[] = [];
    for (let id = 1; id <= this.#count; id++) {
      const offset = this.#offsets[id]!;
      if (this.#bytes[offset + 7]! % 32 !== BTF_KIND[kind]) continue;
      if (wanted.has(this.#bytes.readUInt32LE(offset))) ids.push(id);
    }
    return ids;
  }

  /** Decodes one type. Throws {@link BtfFormatError} if there is no such id. */
  type(id: BtfId): BtfType {
    if (id < 1 || id > this.#count) throw new BtfFormatError(`there is no type ${id}`);
    const at = this.#offsets[id]!;
    const word = (index: number): number => this.#bytes.readUInt32LE(at + index * 4);
    const name = this.string(word(0));
    const info = word(1);
    const vlen = info & 0xffff;
    const last = word(2);
    const kind = KIND_NAMES[(info >>> 24) & 31];
    switch (kind) {
      case "int":
        return { kind, name, size: last, signed: ((word(3) >>> 24) & 1) === 1 };
      case "array":
        return { kind, element: word(3), index: word(4), length: word(5) };
      case "struct":
      case "union":
        return { kind, name, size: last, members: this.#members(at, vlen, info >>> 31 === 1) };
      case "pointer":
      case "typedef":
      case "volatile":
      case "const":
      case "restrict":
      case "typeTag":
        return { kind, name, type: last };
      case "functionPrototype": {
        const parameters = Array.from({ length: vlen }, (_, index) => ({
          name: this.string(word(3 + index * 2)),
          type: word(4 + index * 2),
        }));
        return { kind, returns: last, parameters };
      }
      case "function":
        return { kind, name, prototype: last, linkage: LINKAGE[vlen] ?? "static" };
      case "enum":
      case "enum64":
      case "float":
      case "dataSection":
        return { kind, name, size: last };
      case "forward":
      case "variable":
      case "declarationTag":
        return { kind, name, size: 0 };
      default:
        throw new BtfFormatError(`type ${id} has the unknown kind ${(info >>> 24) & 31}`);
    }
  }

  #members(at: number, count: number, bitFields: boolean): BtfMember[] {
    return Array.from({ length: count }, (_, index) => {
      const offset = at + BTF_TYPE_SIZE + index * 12;
      const place = this.#bytes.readUInt32LE(offset + 8);
      return {
        name: this.string(this.#bytes.readUInt32LE(offset)),
        type: this.#bytes.readUInt32LE(offset + 4),
        bitOffset: bitFields ? place & 0xff_ffff : place,
        bitSize: bitFields ? place >>> 24 : 0,
      };
    });
  }

  /** Everywhere the string section holds this name (pahole stores each once, others may not). */
  #stringOffsets(name: string): Set<number> {
    const needle = Buffer.from(`\0${name}\0`);
    const found = new Set<number>();
    let at = this.#bytes.indexOf(needle, this.#strings);
    while (at >= 0 && at < this.#end) {
      found.add(at + 1 - this.#strings);
      at = this.#bytes.indexOf(needle, at + 1);
    }
    return found;
  }
}

/** Bytes that follow the three words of a type, by its info word. */
function trailingBytes(info: number): number {
  const vlen = info & 0xffff;
  switch ((info >>> 24) & 31) {
    case BTF_KIND.int:
    case BTF_KIND.variable:
    case BTF_KIND.declarationTag:
      return 4;
    case BTF_KIND.array:
      return 12;
    case BTF_KIND.struct:
    case BTF_KIND.union:
    case BTF_KIND.dataSection:
    case BTF_KIND.enum64:
      return vlen * 12;
    case BTF_KIND.enum:
    case BTF_KIND.functionPrototype:
      return vlen * 8;
    default:
      return 0;
  }
}
