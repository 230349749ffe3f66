/** What can be asked of a kernel, each as a try: version numbers lie on kernels of distributions. */

import { tryBpf } from "../../linux/index.ts";
import {
  alu,
  callHelper,
  exit,
  type Instruction,
  labelled,
  loadFunction,
  loadMap,
  R0,
  R1,
  R2,
  R3,
  R4,
  R10,
  slotsOf,
  storeImmediate,
} from "../asm/index.ts";
import { kernelBtf } from "../btf/index.ts";
import { arrayMap, hashMap, ringBuffer } from "../maps/index.ts";
import type { CompiledProgram } from "../program.ts";
import { struct, timer, u32 } from "../schema/index.ts";
import type { LoadedMap } from "./loaded-map.ts";
import { createMap } from "./map-create.ts";
import { ATTACH_TYPE, linkCreateAttribute } from "./object-attributes.ts";
import { loadProgram } from "./program-load.ts";

/** Throws when the kernel cannot do it; the message is the reason. */
type Probe = () => void;

const ENODEV = 19;
/** No machine has an interface of this number. */
const NOWHERE = 0x7fff_ffff;

function code(instructions: readonly Instruction[], callback: readonly Instruction[] = []): CompiledProgram {
  const start = instructions.reduce((sum, instruction) => sum + slotsOf(instruction), 0);
  return {
    name: "probe",
    type: "schedCls",
    license: "Dual MIT/GPL",
    instructions: [...instructions, ...callback],
    functions: [{ name: "probe", start: 0 }, ...(callback.length > 0 ? [{ name: "callback", start }] : [])],
    lines: [],
    maps: [],
  };
}

function loads(program: CompiledProgram, ...maps: LoadedMap[]): void {
  try {
    loadProgram(program, new Map(maps.map((map) => [map.definition.name, map]))).close();
  } finally {
    for (const map of maps) map.close();
  }
}

/** `return helper()` for helpers without arguments. */
function helper(id: number): Probe {
  return () => loads(code([callHelper(id), alu.mov.imm(R0, 0), exit()]));
}

const done: readonly Instruction[] = [alu.mov.imm(R0, 0), exit()];
const callback: readonly Instruction[] = [labelled("callback", alu.mov.imm(R0, 0)), exit()];

function tcxLinks(): void {
  const program = loadProgram(code(done), new Map());
  try {
    const { bytes } = linkCreateAttribute(program.fd, NOWHERE, ATTACH_TYPE.tcxIngress);
    // A kernel that knows tcx looks for the interface; others do not know the attach type.
    if (tryBpf("BPF_LINK_CREATE", bytes) !== -ENODEV) throw new Error("tcx links came with Linux 6.6");
  } finally {
    program.close();
  }
}

function bpfLoop(): void {
  const main = [
    alu.mov.imm(R1, 3),
    loadFunction(R2, "callback"),
    alu.mov.imm(R3, 0),
    alu.mov.imm(R4, 0),
    callHelper(181, "bpf_loop"),
    ...done,
  ];
  loads(code(main, callback));
}

const Value = struct("ProbeValue", { count: u32, rest: u32 });
const Timed = struct("ProbeTimed", { timer });

function forEachElement(): void {
  const map = createMap(arrayMap("probe", { value: Value, entries: 1 }));
  const main = [
    loadMap(R1, "probe"),
    loadFunction(R2, "callback"),
    alu.mov.imm(R3, 0),
    alu.mov.imm(R4, 0),
    callHelper(164, "bpf_for_each_map_elem"),
    ...done,
  ];
  loads(code(main, callback), map);
}

function timers(): void {
  const map = createMap(hashMap("probe", { key: Value, value: Timed, entries: 1, preallocate: false }));
  const lookup = [
    storeImmediate(R10, -8, 0, 8),
    alu.mov.reg(R2, R10),
    alu.add.imm(R2, -8),
    loadMap(R1, "probe"),
    callHelper(1, "bpf_map_lookup_elem"),
  ];
  const init = [
    alu.mov.reg(R1, R0),
    loadMap(R2, "probe"),
    alu.mov.imm(R3, 1),
    callHelper(169, "bpf_timer_init"),
    ...done,
  ];
  // if r0 == 0 goto the last exit
  const skip: Instruction = { opcode: 0x15, dst: R0, src: 0, offset: 6, immediate: 0 };
  loads(code([...lookup, skip, ...init]), map);
}

/** A kernel function that the verifier lets programs call, by its number in the kernel's BTF. */
function kernelFunction(name: string): number {
  const btf = kernelBtf();
  if (btf === null) throw new Error("this kernel does not show its types (CONFIG_DEBUG_INFO_BTF)");
  const id = btf.find("function", name)[0];
  if (id === undefined) throw new Error(`the kernel has no function ${name} for programs`);
  return id;
}

function openCodedIterators(): void {
  const call = (name: string): Instruction => {
    return { opcode: 0x85, dst: 0, src: 2, offset: 0, immediate: kernelFunction(name) };
  };
  const address = [alu.mov.reg(R1, R10), alu.add.imm(R1, -8)];
  const main = [
    ...address,
    alu.mov.imm(R2, 0),
    alu.mov.imm(R3, 1),
    call("bpf_iter_num_new"),
    ...address,
    call("bpf_iter_num_destroy"),
    ...done,
  ];
  loads(code(main));
}

/** Sign-extending move: one of the instructions that came with cpu v4. */
function instructionsV4(): void {
  const extend: Instruction = { opcode: 0xbf, dst: R0, src: R1, offset: 8, immediate: 0 };
  loads(code([alu.mov.imm(R1, 0), extend, exit()]));
}

function ringBuffers(): void {
  createMap(ringBuffer("probe", { bytes: 4096 })).close();
}

/** All probes by name; each comment says what for. */
export const PROBES = {
  /** Programs at interfaces by link, several beside each other, replaced in one step. */
  tcxLinks,
  /** Long loops. */
  bpfLoop,
  /** Loops over the elements of a map. */
  forEachElement,
  /** Timers in map values. */
  timers,
  /** A clock that costs nearly nothing, exact to a timer tick. */
  coarseClock: helper(160),
  /** Time since the machine was started, with the time it slept. */
  bootClock: helper(125),
  /** Loops over numbers without a callback (kernel functions). */
  openCodedIterators,
  /** Records to user space. */
  ringBuffers,
  /** Sign-extending loads and moves, long jumps, signed division. */
  instructionsV4,
} as const satisfies { readonly [name: string]: Probe };
