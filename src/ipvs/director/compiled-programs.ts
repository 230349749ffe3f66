/** Programs of the datapath, compiled or from the cache. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { MapDefinition } from "../../bpf/index.ts";
import { deserializeProgram, StaleProgramError } from "../../bpf/loader/index.ts";
import type { CompiledProgram } from "../../bpf/program.ts";
import { decapsulatedAddresses, sumRoom } from "../../kernel/decapsulate/index.ts";
import { crcShifts } from "../../kernel/forward/sctp-checksum.ts";
import { question } from "../../kernel/route-question.ts";
import { sctpStates, tcpStates } from "../../kernel/state/follow.ts";
import { IpvsError } from "../errors.ts";
import { TABLES } from "./pinned-tables.ts";
import { PROGRAM_SUFFIX, ProgramCache } from "./program-cache.ts";
import type { ProgramOptions } from "./program-options.ts";
import { sourceHash } from "./sources.ts";

/** What to compile: a function that a module of the datapath exports. */
export interface CompileRequest {
  /** Name of a module of `src/kernel`. */
  readonly module: string;
  readonly entry: string;
  readonly options: ProgramOptions;
  /** The program's name: at most 15 characters. */
  readonly name: string;
}

/** Tables of constants: each program has its own. */
const CONSTANTS: readonly MapDefinition[] = [tcpStates, sctpStates, crcShifts];

/** Tables of a real server's tunnel end. */
const REAL_SERVER: readonly MapDefinition[] = [decapsulatedAddresses, sumRoom];

/** Programs that the package's build has compiled: as trustworthy as the code beside them. */
export const PREBUILT_DIRECTORY = fileURLToPath(new URL("../../../programs/", import.meta.url));

/** The datapath's tables, which its programs share. */
export const TABLES_BY_NAME: ReadonlyMap<string, MapDefinition> = new Map(
  TABLES.map((each) => [each.name, each]),
);
const MAPS: ReadonlyMap<string, MapDefinition> = new Map<string, MapDefinition>([
  ...TABLES_BY_NAME,
  ...[...CONSTANTS, ...REAL_SERVER].map((each) => [each.name, each] as const),
  [question.name, question],
]);

/**
 * The programs, from the cache if they are there. A cache that cannot be used only costs time.
 *
 * @throws IpvsError EIO if the datapath does not compile
 */
export function compiledPrograms(
  requests: readonly CompileRequest[],
  cacheDirectory: string,
): readonly CompiledProgram[] {
  const cache = new ProgramCache(cacheDirectory);
  const programs = requests.map((request) => kept(cache, request));
  const missing = requests.filter((_, index) => programs[index] === undefined);
  const made = missing.length === 0 ? [] : compileInProcess(missing);
  for (const [index, bytes] of made.entries()) cache.write(keyOf(missing[index]!), bytes);
  return programs.map((program) => program ?? revive(made.shift()!));
}

/** Names a program in caches: by its source, and its name and its options, which say what it was compiled for. */
export function keyOf({ name, options }: CompileRequest): string {
  const flags = Object.values(options).map((value) =>
    typeof value === "number" ? `-${value}` : Number(value),
  );
  return `${sourceHash().slice(0, 16)}-${name}-${flags.join("")}`;
}

function kept(cache: ProgramCache, request: CompileRequest): CompiledProgram | undefined {
  const bytes = prebuilt(request) ?? cache.read(keyOf(request));
  if (bytes === undefined) return undefined;
  try {
    return revive(bytes);
  } catch (error) {
    if (error instanceof StaleProgramError) return undefined;
    throw error;
  }
}

function revive(bytes: Uint8Array): CompiledProgram {
  return deserializeProgram(bytes, (name) => MAPS.get(name));
}

function prebuilt(request: CompileRequest): Uint8Array | undefined {
  try {
    return readFileSync(join(PREBUILT_DIRECTORY, `${keyOf(request)}${PROGRAM_SUFFIX}`));
  } catch {
    return undefined;
  }
}

/** In a process of its own: the compiler works asynchronously, a command does not; and it is gone afterwards. */
export function compileInProcess(requests: readonly CompileRequest[]): Uint8Array[] {
  const { status, stdout, stderr, error } = spawnSync(process.execPath, [COMPILE_SCRIPT], {
    input: JSON.stringify(requests),
    maxBuffer: 1 << 28,
  });
  if (status === 0) return splitFrames(stdout);
  throw notCompiled(error?.message ?? stderr.toString("utf8").trim(), error);
}

/** The script of a process that compiles: compile-process.ts. */
export const COMPILE_SCRIPT = fileURLToPath(
  new URL(`./compile-process.${import.meta.url.endsWith(".ts") ? "ts" : "js"}`, import.meta.url),
);

export function notCompiled(reason: string, cause?: unknown): IpvsError {
  const message = `the datapath could not be compiled: ${reason}`;
  return new IpvsError("EIO", { operation: "open", message, cause });
}

/** What a process that compiles has written, as the programs it is. */
export function splitFrames(output: Buffer): Uint8Array[] {
  const frames: Uint8Array[] = [];
  for (let at = 0; at < output.length; ) {
    const end = at + 4 + output.readUInt32LE(at);
    frames.push(new Uint8Array(output.subarray(at + 4, end)));
    at = end;
  }
  return frames;
}
