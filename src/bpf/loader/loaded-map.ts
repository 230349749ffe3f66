import { bpf, close, mmapFile, munmapFile, pageSize, tryBpf } from "../../linux/index.ts";
import type { MapDefinition } from "../map.ts";
import type { MapElements, MapHandle } from "../map-handle.ts";
import type { Attribute } from "./attribute.ts";
import { possibleCpus } from "./cpus.ts";
import { mapInfo } from "./info.ts";
import type { LoadedProgram } from "./loaded-program.ts";
import { ELEMENT_FLAGS_OFFSET, ELEMENT_VALUE_OFFSET, mapElementAttribute } from "./map-attributes.ts";
import { deleteMany, readAll, readChunks, updateMany } from "./map-batch.ts";
import { mapError } from "./map-errors.ts";
import { holdsMaps, isArrayKind, KINDS, mapSizes } from "./map-kinds.ts";
import { byIdAttribute } from "./object-attributes.ts";
import { Pinned } from "./pinned.ts";
import { RingReader } from "./ring-reader.ts";

const ENOENT = 2;
const EINVAL = 22;
const EOPNOTSUPP = 95;

/** A u32 as it lies in memory. */
function word(value: number): Uint8Array {
  return new Uint8Array(Uint32Array.of(value).buffer);
}

export interface LoadedMapOptions {
  readonly entries: number;
  /** Maps of maps: creates an inner map that fits. */
  readonly createInner?: (entries?: number) => LoadedMap;
}

/** A map in the kernel, by its descriptor. */
export class LoadedMap extends Pinned implements MapHandle {
  readonly definition: MapDefinition;
  readonly capacity: number;
  readonly keySize: number;
  readonly valueSize: number;
  readonly stride: number;
  readonly cpus: number;
  readonly #createInner: ((entries?: number) => LoadedMap) | undefined;
  /** One attribute for all single-element calls: its buffers stay where they are, so their addresses do. */
  readonly #key: Uint8Array;
  readonly #value: Uint8Array;
  readonly #element: Attribute;
  /** The same without value and flags, which a deletion must not have. */
  readonly #keyOnly: Uint8Array;
  #memory: ArrayBuffer | undefined;
  #ring: RingReader | undefined;

  /** Takes the descriptor over. Use createMap, openMap or mapById. */
  constructor(fd: number, definition: MapDefinition, options: LoadedMapOptions) {
    super(fd, `map ${definition.name}`);
    const { keySize, valueSize } = mapSizes(definition);
    this.definition = definition;
    this.capacity = options.entries;
    this.keySize = keySize;
    this.stride = Math.ceil(valueSize / 8) * 8;
    this.cpus = KINDS[definition.kind].perCpu ? possibleCpus() : 1;
    this.valueSize = KINDS[definition.kind].perCpu ? this.stride * this.cpus : valueSize;
    this.#createInner = options.createInner;
    this.#key = new Uint8Array(Math.max(8, this.keySize));
    this.#value = new Uint8Array(Math.max(8, this.valueSize));
    this.#element = mapElementAttribute(fd, this.#key, this.#value);
    this.#keyOnly = this.#element.bytes.subarray(0, ELEMENT_VALUE_OFFSET);
  }

  lookup(key: Uint8Array): Uint8Array | null {
    const result = this.#call("BPF_MAP_LOOKUP_ELEM", key);
    if (result === -ENOENT) return null;
    this.#check(result, "BPF_MAP_LOOKUP_ELEM");
    return this.#value.slice(0, this.valueSize);
  }

  update(key: Uint8Array, value: Uint8Array, flags = 0): void {
    this.#refuseRing("BPF_MAP_UPDATE_ELEM");
    this.#checkSize(value, this.valueSize, "value");
    this.#value.set(value);
    this.#check(this.#call("BPF_MAP_UPDATE_ELEM", key, flags), "BPF_MAP_UPDATE_ELEM");
  }

  delete(key: Uint8Array): boolean {
    const result = this.#call("BPF_MAP_DELETE_ELEM", key);
    if (result === -ENOENT) return false;
    this.#check(result, "BPF_MAP_DELETE_ELEM");
    return true;
  }

  *keys(): Generator<Uint8Array> {
    this.#refuseRing("BPF_MAP_LOOKUP_BATCH");
    for (const { count, keys } of readChunks(this)) {
      for (let index = 0; index < count; index++) {
        yield keys.slice(index * this.keySize, (index + 1) * this.keySize);
      }
    }
  }

  readAll(): MapElements {
    this.#refuseRing("BPF_MAP_LOOKUP_BATCH");
    return readAll(this);
  }

  /** Takes all elements out of a hash: each is read once and deleted in one step, in few system calls. */
  takeAll(): MapElements {
    this.#refuseRing("BPF_MAP_LOOKUP_AND_DELETE_BATCH");
    return readAll(this, "BPF_MAP_LOOKUP_AND_DELETE_BATCH");
  }

  updateMany(keys: Uint8Array, values: Uint8Array, flags = 0): void {
    this.#refuseRing("BPF_MAP_UPDATE_BATCH");
    this.#checkSize(values, (keys.length / this.keySize) * this.valueSize, "values");
    updateMany(this, keys, values, flags);
  }

  deleteMany(keys: Uint8Array): number {
    if (isArrayKind(this.definition.kind) && !holdsMaps(this.definition.kind)) {
      throw mapError("BPF_MAP_DELETE_BATCH", EINVAL, this.definition);
    }
    this.#refuseRing("BPF_MAP_DELETE_BATCH");
    return deleteMany(this, keys);
  }

  memory(): ArrayBuffer {
    if (this.definition.kind !== "array" || !this.definition.mappable) this.#refuse("mmap");
    const page = pageSize();
    const bytes = Math.ceil((this.stride * this.capacity) / page) * page;
    this.#memory ??= mmapFile(this.fd, bytes, { write: true });
    return this.#memory;
  }

  /**
   * Undoes {@link memory}, which otherwise lasts as long as the process, also after {@link close}. Touching the
   * buffer or a view of it afterwards ends the process.
   */
  unmapMemory(): void {
    if (this.#memory === undefined) return;
    const memory = this.#memory;
    this.#memory = undefined;
    munmapFile(memory);
  }

  createInner(entries?: number): LoadedMap {
    if (this.#createInner === undefined) this.#refuse("BPF_MAP_CREATE");
    return this.#createInner!(entries);
  }

  setInner(key: Uint8Array, inner: MapHandle, flags = 0): void {
    if (!(inner instanceof LoadedMap)) throw new TypeError("the inner map must be a map in the kernel, too");
    if (!holdsMaps(this.definition.kind)) this.#refuse("BPF_MAP_UPDATE_ELEM");
    const descriptor = new Uint8Array(4);
    new DataView(descriptor.buffer).setInt32(0, inner.fd, true);
    this.update(key, descriptor, flags);
  }

  /** Maps of maps: the inner map under `key`, or null. Close it. */
  openInner(key: Uint8Array): LoadedMap | null {
    if (!holdsMaps(this.definition.kind)) this.#refuse("BPF_MAP_GET_FD_BY_ID");
    const value = this.lookup(key);
    if (value === null) return null;
    const id = new DataView(value.buffer).getUint32(0, true);
    const fd = bpf("BPF_MAP_GET_FD_BY_ID", byIdAttribute(id).bytes, { attempted: `map ${id}` });
    return LoadedMap.fromDescriptor(fd, this.definition.inner!);
  }

  /**
   * Program arrays: puts a program at `index`, where tail calls find it from now on. Throws SystemError: E2BIG (no such
   * index), EINVAL (not of the type of the others).
   */
  setProgram(index: number, program: LoadedProgram): void {
    if (this.definition.kind !== "programArray") this.#refuse("BPF_MAP_UPDATE_ELEM");
    this.update(word(index), word(program.fd));
  }

  /** Program arrays: the number of the program at `index` (see programById), or null. */
  programId(index: number): number | null {
    if (this.definition.kind !== "programArray") this.#refuse("BPF_MAP_LOOKUP_ELEM");
    const id = this.lookup(word(index));
    return id === null ? null : new DataView(id.buffer).getUint32(0, true);
  }

  /** Program arrays: empties the slot `index`; whether there was a program. */
  clearProgram(index: number): boolean {
    return this.delete(word(index));
  }

  consume(handler: (record: Uint8Array) => void): number {
    if (this.definition.kind !== "ringBuffer") this.#refuse("mmap");
    this.#ring ??= new RingReader(this.fd, this.capacity);
    return this.#ring.consume(handler);
  }

  override close(): void {
    this.#ring?.close();
    this.#ring = undefined;
    super.close();
  }

  /** Takes over a descriptor of a map that is known to be of this definition. Its capacity is the kernel's. */
  static fromDescriptor(
    fd: number,
    definition: MapDefinition,
    createInner?: (entries?: number) => LoadedMap,
  ): LoadedMap {
    try {
      const { entries } = mapInfo(fd);
      return new LoadedMap(fd, definition, { entries, ...(createInner ? { createInner } : {}) });
    } catch (error) {
      close(fd);
      throw error;
    }
  }

  #call(
    command: "BPF_MAP_LOOKUP_ELEM" | "BPF_MAP_UPDATE_ELEM" | "BPF_MAP_DELETE_ELEM",
    key: Uint8Array,
    flags = 0,
  ) {
    this.#refuseRing(command);
    this.#checkSize(key, this.keySize, "key");
    this.#key.set(key);
    this.#element.u32(0, this.fd).u32(ELEMENT_FLAGS_OFFSET, flags);
    return tryBpf(command, command === "BPF_MAP_DELETE_ELEM" ? this.#keyOnly : this.#element.bytes);
  }

  #check(result: number, command: string): void {
    if (result < 0) throw mapError(command, -result, this.definition);
  }

  #checkSize(bytes: Uint8Array, size: number, what: string): void {
    if (bytes.length === size) return;
    throw mapError("bpf", EINVAL, this.definition, `the ${what} takes ${size} bytes, not ${bytes.length}`);
  }

  #refuseRing(command: string): void {
    if (this.definition.kind === "ringBuffer") this.#refuse(command);
  }

  #refuse(command: string): never {
    throw mapError(command, EOPNOTSUPP, this.definition);
  }
}
