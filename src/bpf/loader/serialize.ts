/**
 * Compiled programs as bytes, for a cache on disk.
 *
 *     "lvsP"  u32 format version  32 bytes SHA-256 of the rest
 *     u32 length of the header    header: JSON (names, functions, map uses, files)
 *     u32 length of the code      code: 8 bytes a slot, as the kernel takes it, maps as 0
 *     u32 count of the lines      lines: u32 slot, u32 file, u32 line, u32 column, u32 text each
 */
import { createHash } from "node:crypto";
import { decode, encode } from "../asm/index.ts";
import type { MapDefinition } from "../map.ts";
import type { CompiledProgram, FunctionInfo, LineInfo } from "../program.ts";
import { definitionShape } from "./map-open.ts";

/** Goes up with each change of the format; other versions are refused. */
export const FORMAT_VERSION = 1;

const MAGIC = Buffer.from("lvsP", "latin1");
const HASH_AT = 8;
const BODY_AT = HASH_AT + 32;
const LINE_WORDS = 5;

/** The bytes are no program, or of another version, or damaged, or the maps have changed: compile again. */
export class StaleProgramError extends Error {
  override readonly name = "StaleProgramError";
  readonly code = "STALE_PROGRAM";
}

interface MapUse {
  /** Index of the instruction. */
  readonly at: number;
  readonly name: string;
  readonly value?: number;
}

interface Header {
  readonly name: string;
  readonly type: CompiledProgram["type"];
  readonly license: string;
  readonly functions: readonly FunctionInfo[];
  readonly uses: readonly MapUse[];
  /** Name and fingerprint of the shape. */
  readonly maps: readonly (readonly [name: string, shape: string])[];
  readonly strings: readonly string[];
}

/** The program as bytes. Labels and names of helpers are not kept: nothing but people needs them. */
export function serializeProgram(program: CompiledProgram): Uint8Array {
  const strings = new Map<string, number>();
  const string = (text: string): number => {
    const known = strings.get(text);
    if (known !== undefined) return known;
    strings.set(text, strings.size);
    return strings.size - 1;
  };
  const lines = Uint32Array.from(
    program.lines.flatMap(({ start, file, line, column, text }) => [
      start,
      string(file),
      line,
      column,
      string(text),
    ]),
  );
  const header: Header = {
    name: program.name,
    type: program.type,
    license: program.license,
    functions: program.functions,
    uses: program.instructions.flatMap(({ map }, at) => (map === undefined ? [] : [{ at, ...map }])),
    maps: program.maps.map((map) => [map.name, fingerprint(map)]),
    strings: [...strings.keys()],
  };
  const code = encode(program.instructions, { mapDescriptor: () => 0 });
  const body = Buffer.concat([
    section(Buffer.from(JSON.stringify(header))),
    section(code),
    section(new Uint8Array(lines.buffer)),
  ]);
  const version = Buffer.alloc(4);
  version.writeUInt32LE(FORMAT_VERSION);
  return new Uint8Array(Buffer.concat([MAGIC, version, digest(body), body]));
}

/**
 * The program back from {@link serializeProgram}'s bytes, over the maps of these names. Throws
 * {@link StaleProgramError}; what it says is for a log, the answer is to compile.
 */
export function deserializeProgram(
  bytes: Uint8Array,
  maps: (name: string) => MapDefinition | undefined,
): CompiledProgram {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (buffer.length < BODY_AT || !buffer.subarray(0, 4).equals(MAGIC))
    throw stale("this is no compiled program");
  const version = buffer.readUInt32LE(4);
  if (version !== FORMAT_VERSION) throw stale(`it has format ${version}, this is ${FORMAT_VERSION}`);
  const body = buffer.subarray(BODY_AT);
  if (!digest(body).equals(buffer.subarray(HASH_AT, BODY_AT)))
    throw stale("it is damaged: its hash does not fit");
  const [head, code, lines] = sections(body);
  const header = JSON.parse(head!.toString("utf8")) as Header;
  const uses = new Map(header.uses.map(({ at, ...map }) => [at, map]));
  return {
    name: header.name,
    type: header.type,
    license: header.license,
    instructions: decode(code!).map((instruction, at) => {
      const map = uses.get(at);
      return map === undefined ? instruction : { ...instruction, immediate: 0n, map };
    }),
    functions: header.functions,
    lines: readLines(lines!, header.strings),
    maps: header.maps.map(([name, shape]) => {
      const definition = maps(name);
      if (definition === undefined) throw stale(`there is no map "${name}" any more`);
      if (fingerprint(definition) !== shape) throw stale(`the map "${name}" has another shape now`);
      return definition;
    }),
  };
}

function readLines(bytes: Buffer, strings: readonly string[]): LineInfo[] {
  const word = (index: number): number => bytes.readUInt32LE(index * 4);
  return Array.from({ length: bytes.length / (4 * LINE_WORDS) }, (_, index) => {
    const at = index * LINE_WORDS;
    return {
      start: word(at),
      file: strings[word(at + 1)] ?? "",
      line: word(at + 2),
      column: word(at + 3),
      text: strings[word(at + 4)] ?? "",
    };
  });
}

/** What of a map a program is compiled for: its shape and the layout of its key and value, constants included. */
function fingerprint(map: MapDefinition): string {
  const schemas = JSON.stringify([map.key, map.value], (key, value) => (key === "field" ? undefined : value));
  const inner = map.inner === undefined ? "" : fingerprint(map.inner);
  const shape = { ...definitionShape(map), entries: map.kind === "array" ? map.entries === 1 : 0 };
  const text = JSON.stringify([shape, schemas, inner, map.values?.map(String)]);
  return createHash("sha256").update(text).digest("base64").slice(0, 16);
}

function section(bytes: Uint8Array): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32LE(bytes.length);
  return Buffer.concat([length, bytes]);
}

function sections(body: Buffer): Buffer[] {
  const parts: Buffer[] = [];
  for (let at = 0; at < body.length; ) {
    const length = body.readUInt32LE(at);
    parts.push(body.subarray(at + 4, at + 4 + length));
    at += 4 + length;
  }
  return parts;
}

function digest(bytes: Uint8Array): Buffer {
  return createHash("sha256").update(bytes).digest();
}

function stale(reason: string): StaleProgramError {
  return new StaleProgramError(`the cached program cannot be used: ${reason}`);
}
