import { BTF_HEADER_SIZE, BTF_KIND, BTF_MAGIC, BTF_VERSION, type BtfId, type BtfWritable } from "./types.ts";

const LINKAGE = { static: 0, global: 1, extern: 2 } as const;

/**
 * Collects types and strings and encodes them as one BTF blob for BPF_BTF_LOAD. Equal strings are stored once;
 * so are equal types, so that asking twice for the BTF of a schema gives one id.
 */
export class BtfBuilder {
  readonly #types: BtfWritable[] = [];
  readonly #ids = new Map<string, BtfId>();
  readonly #strings = new Map<string, number>([["", 0]]);
  readonly #texts: Uint8Array[] = [Uint8Array.of(0)];
  #stringBytes = 1;

  /** The id of `type`, added unless an equal one is there. */
  add(type: BtfWritable): BtfId {
    const key = JSON.stringify(type);
    const known = this.#ids.get(key);
    if (known !== undefined) return known;
    this.#types.push(type);
    const id = this.#types.length;
    this.#ids.set(key, id);
    return id;
  }

  /** The offset of `text` in the string section, added unless it is there. NUL bytes end it, as in C. */
  string(text: string): number {
    const known = this.#strings.get(text);
    if (known !== undefined) return known;
    const end = text.indexOf("\0");
    const bytes = new TextEncoder().encode(`${end < 0 ? text : text.slice(0, end)}\0`);
    const offset = this.#stringBytes;
    this.#strings.set(text, offset);
    this.#texts.push(bytes);
    this.#stringBytes += bytes.length;
    return offset;
  }

  /** The blob: header, types, strings; native (little-endian) byte order. */
  encode(): Uint8Array {
    const words: number[] = [];
    for (const type of this.#types) this.#encodeType(words, type);
    const typeBytes = words.length * 4;
    const bytes = new Uint8Array(BTF_HEADER_SIZE + typeBytes + this.#stringBytes);
    const view = new DataView(bytes.buffer);
    view.setUint16(0, BTF_MAGIC, true);
    view.setUint8(2, BTF_VERSION);
    view.setUint32(4, BTF_HEADER_SIZE, true);
    view.setUint32(8, 0, true);
    view.setUint32(12, typeBytes, true);
    view.setUint32(16, typeBytes, true);
    view.setUint32(20, this.#stringBytes, true);
    for (const [index, word] of words.entries()) view.setUint32(BTF_HEADER_SIZE + index * 4, word, true);
    let offset = BTF_HEADER_SIZE + typeBytes;
    for (const text of this.#texts) {
      bytes.set(text, offset);
      offset += text.length;
    }
    return bytes;
  }

  #encodeType(words: number[], type: BtfWritable): void {
    const head = (name: string, vlen: number, sizeOrType: number, flag = 0): void => {
      words.push(
        this.string(name),
        (flag * 0x8000_0000 + (BTF_KIND[type.kind] << 24) + vlen) >>> 0,
        sizeOrType,
      );
    };
    switch (type.kind) {
      case "int":
        head(type.name, 0, type.size);
        words.push(((type.signed ? 1 : 0) << 24) | (type.size * 8));
        return;
      case "array":
        head("", 0, 0);
        words.push(type.element, type.index, type.length);
        return;
      case "struct":
      case "union": {
        const bitFields = type.members.some((member) => member.bitSize > 0);
        head(type.name, type.members.length, type.size, bitFields ? 1 : 0);
        for (const member of type.members) {
          const offset = bitFields ? ((member.bitSize << 24) | member.bitOffset) >>> 0 : member.bitOffset;
          words.push(this.string(member.name), member.type, offset);
        }
        return;
      }
      case "functionPrototype":
        head("", type.parameters.length, type.returns);
        for (const parameter of type.parameters) words.push(this.string(parameter.name), parameter.type);
        return;
      case "function":
        head(type.name, LINKAGE[type.linkage], type.prototype);
        return;
      default:
        head(type.name, 0, type.type);
    }
  }
}
