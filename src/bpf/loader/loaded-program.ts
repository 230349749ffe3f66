import type { CompiledProgram } from "../program.ts";
import { type ProgramInfo, programInfo } from "./info.ts";
import { openPin } from "./open-pin.ts";
import { Pinned } from "./pinned.ts";
import { type RunInput, type RunResult, runProgram } from "./test-run.ts";

/** A program in the kernel, by its descriptor. */
export class LoadedProgram extends Pinned {
  readonly name: string;
  readonly type: CompiledProgram["type"];

  /** Takes the descriptor over. Use loadProgram or openProgram. */
  constructor(fd: number, name: string, type: CompiledProgram["type"]) {
    super(fd, `program ${name}`);
    this.name = name;
    this.type = type;
  }

  /** What the kernel says of it. */
  info(): ProgramInfo {
    return programInfo(this.fd);
  }

  /** Runs it on a packet of ours (BPF_PROG_TEST_RUN), in the kernel, really: maps change, timers start. */
  run(input: RunInput): RunResult {
    return runProgram(this, input);
  }
}

const TYPES: { readonly [type: number]: CompiledProgram["type"] } = {
  1: "socketFilter",
  3: "schedCls",
  6: "xdp",
};

/** Our name of an enum bpf_prog_type; that of traffic control for types that are never loaded here. */
export function programType(type: number): CompiledProgram["type"] {
  return TYPES[type] ?? "schedCls";
}

/** The program that is pinned at `path`, null if nothing is. Throws ForeignPinError if it is no program. */
export function openProgram(path: string): LoadedProgram | null {
  const fd = openPin(path, "program");
  if (fd === null) return null;
  const { name, type } = programInfo(fd);
  return new LoadedProgram(fd, name, programType(type));
}
