import { close, SystemError, tryBpf } from "../../linux/index.ts";
import { encode, PSEUDO, slotsOf } from "../asm/index.ts";
import { programBtf } from "../btf/index.ts";
import type { CompiledProgram } from "../program.ts";
import { loadBtf } from "./btf-load.ts";
import { ProgramFormatError, VerifierError } from "./errors.ts";
import type { LoadedMap } from "./loaded-map.ts";
import { LoadedProgram } from "./loaded-program.ts";
import { LOG_LEVEL, PROGRAM_TYPE, type ProgramLoad, programLoadAttribute } from "./program-attributes.ts";
import { lineOf, readRejection } from "./verifier-log.ts";

const EPERM = 1;
const ENOMEM = 12;
const ENOSPC = 28;
/** The log of a rejection; grown to the last while the kernel says that it does not fit. */
const LOG_SIZES = [1 << 20, 1 << 24, 1 << 28];

export interface LoadOptions {
  /** enum bpf_attach_type. Default 0. */
  readonly expectedAttachType?: number;
  /** Load without functions and lines: rejections are then shown by instruction only. Default false. */
  readonly withoutBtf?: boolean;
}

/**
 * Loads a program over these maps (by name). The verifier's log costs time and memory, so it is asked for only when
 * the kernel has said no.
 *
 * Throws {@link VerifierError} with our source line if the verifier rejects it, {@link ProgramFormatError} if a map
 * is missing or cannot be used that way, SystemError if the kernel refuses for another reason.
 */
export function loadProgram(
  program: CompiledProgram,
  maps: ReadonlyMap<string, LoadedMap>,
  options: LoadOptions = {},
): LoadedProgram {
  return withLoad(program, maps, options, (load) => {
    const first = tryBpf("BPF_PROG_LOAD", programLoadAttribute(load).bytes);
    const result = first >= 0 ? first : explainOrLoad(program, load, -first);
    return new LoadedProgram(result, program.name, program.type);
  });
}

/**
 * What the verifier says about a program: its log at this level (see LOG_LEVEL), whether it is accepted or not.
 * The program is not kept. Throws as {@link loadProgram}, but not for rejections.
 */
export function verifierLog(
  program: CompiledProgram,
  maps: ReadonlyMap<string, LoadedMap>,
  level: number = LOG_LEVEL.all | LOG_LEVEL.statistics,
): string {
  return withLoad(program, maps, {}, (load) => {
    const { log, result } = loadWithLog(load, level);
    if (result >= 0) close(result);
    return log;
  });
}

function withLoad<R>(
  program: CompiledProgram,
  maps: ReadonlyMap<string, LoadedMap>,
  { expectedAttachType = 0, withoutBtf = false }: LoadOptions,
  use: (load: ProgramLoad) => R,
): R {
  checkMaps(program, maps);
  const instructions = encode(program.instructions, { mapDescriptor: (name) => maps.get(name)?.fd });
  const btf = withoutBtf ? undefined : loadProgramBtf(program);
  try {
    return use({
      type: PROGRAM_TYPE[program.type],
      name: program.name,
      license: program.license,
      instructions,
      expectedAttachType,
      ...(btf === undefined ? {} : { btf }),
    });
  } finally {
    if (btf !== undefined) close(btf.fd);
  }
}

function checkMaps({ name, instructions }: CompiledProgram, maps: ReadonlyMap<string, LoadedMap>): void {
  for (const { map, src } of instructions) {
    if (map === undefined) continue;
    const loaded = maps.get(map.name);
    if (loaded === undefined) {
      throw new ProgramFormatError(`program "${name}" uses the map "${map.name}", which it was not given`);
    }
    const direct = src === PSEUDO.mapValue;
    const { kind } = loaded.definition;
    if (direct && ((kind !== "array" && kind !== "constants") || loaded.capacity !== 1)) {
      throw new ProgramFormatError(
        `program "${name}" takes the address of the value of "${map.name}": the kernel gives it only of arrays of ` +
          `one element, this is a ${kind} map of ${loaded.capacity}`,
      );
    }
  }
}

function loadProgramBtf({ name, functions, lines, instructions }: CompiledProgram): ProgramLoad["btf"] {
  const known = functions.length > 0 ? functions : [{ name, start: 0 }];
  const continuations = new Set<number>();
  let slot = 0;
  for (const instruction of instructions) {
    slot += slotsOf(instruction);
    if (slotsOf(instruction) === 2) continuations.add(slot - 1);
  }
  const { btf, funcInfo, lineInfo } = programBtf(known, lines, continuations);
  return { fd: loadBtf(btf, `program ${name}`), funcInfo, lineInfo };
}

/** Throws what the verifier has against the program, unless it has nothing this time: then its descriptor. */
function explainOrLoad(program: CompiledProgram, load: ProgramLoad, errno: number): number {
  if (errno === EPERM || errno === ENOMEM) throw loadError(program, errno);
  const { log, result } = loadWithLog(load, LOG_LEVEL.path);
  if (result >= 0) return result;
  if (log.trim() === "") throw loadError(program, errno);
  const reason = readRejection(log);
  const line = reason.slot === undefined ? undefined : lineOf(program.lines, reason.slot);
  throw new VerifierError(program.name, reason, line, log);
}

function loadError({ name, instructions }: CompiledProgram, errno: number): SystemError {
  const advice =
    errno === EPERM
      ? "loading programs needs root (CAP_BPF and CAP_NET_ADMIN)"
      : `the kernel gave no reason; the program has ${instructions.length} instructions`;
  return new SystemError("BPF_PROG_LOAD", errno, { attempted: name, advice });
}

function loadWithLog(load: ProgramLoad, level: number): { log: string; result: number } {
  for (const [attempt, size] of LOG_SIZES.entries()) {
    const buffer = new Uint8Array(size);
    const result = tryBpf("BPF_PROG_LOAD", programLoadAttribute({ ...load, log: { level, buffer } }).bytes);
    const end = buffer.indexOf(0);
    const log = Buffer.from(buffer.buffer, 0, end < 0 ? size : end).toString("utf8");
    // Newer kernels keep the end of the log, where the reason is, and older ones its beginning.
    const complete = result !== -ENOSPC || /^processed \d+ insns/m.test(log.slice(-4096));
    if (complete || attempt === LOG_SIZES.length - 1) return { log, result };
  }
  return { log: "", result: -ENOSPC };
}
