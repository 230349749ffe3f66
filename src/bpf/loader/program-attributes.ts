/** The program commands' parts of union bpf_attr (include/uapi/linux/bpf.h), from plain data. */

import { FUNC_INFO_SIZE, LINE_INFO_SIZE } from "../btf/index.ts";
import type { CompiledProgram } from "../program.ts";
import { Attribute } from "./attribute.ts";

/** enum bpf_prog_type, by our names. */
export const PROGRAM_TYPE: { readonly [K in CompiledProgram["type"]]: number } = {
  socketFilter: 1,
  schedCls: 3,
  xdp: 6,
};

/** Verifier log levels (bits): 1 what it did on the failing path, 2 on all paths, 4 statistics only. */
export const LOG_LEVEL = { none: 0, path: 1, all: 2, statistics: 4 } as const;

export interface ProgramLoad {
  readonly type: number;
  readonly name: string;
  readonly license: string;
  /** Eight bytes an instruction slot. */
  readonly instructions: Uint8Array;
  readonly expectedAttachType?: number;
  readonly log?: { readonly level: number; readonly buffer: Uint8Array };
  readonly btf?: { readonly fd: number; readonly funcInfo: Uint8Array; readonly lineInfo: Uint8Array };
}

export function programLoadAttribute(load: ProgramLoad): Attribute {
  const attribute = new Attribute(144)
    .u32(0, load.type)
    .u32(4, load.instructions.length / 8)
    .pointer(8, load.instructions)
    .text(16, load.license)
    .u32(24, load.log?.level ?? 0)
    .u32(28, load.log?.buffer.length ?? 0)
    .pointer(32, load.log?.buffer)
    .name(48, load.name)
    .u32(68, load.expectedAttachType ?? 0);
  if (load.btf === undefined) return attribute;
  const { fd, funcInfo, lineInfo } = load.btf;
  return attribute
    .u32(72, fd)
    .u32(76, FUNC_INFO_SIZE)
    .pointer(80, funcInfo)
    .u32(88, funcInfo.length / FUNC_INFO_SIZE)
    .u32(92, LINE_INFO_SIZE)
    .pointer(96, lineInfo)
    .u32(104, lineInfo.length / LINE_INFO_SIZE);
}

export function btfLoadAttribute(btf: Uint8Array, log?: { level: number; buffer: Uint8Array }): Attribute {
  return new Attribute(28)
    .pointer(0, btf)
    .pointer(8, log?.buffer)
    .u32(16, btf.length)
    .u32(20, log?.buffer.length ?? 0)
    .u32(24, log?.level ?? 0);
}

export interface TestRun {
  readonly fd: number;
  readonly data: Uint8Array;
  readonly dataOut?: Uint8Array;
  readonly context?: Uint8Array;
  readonly contextOut?: Uint8Array;
  readonly repeat?: number;
}

/** BPF_PROG_TEST_RUN. The kernel answers at the offsets of TEST_RUN_ANSWER. */
export function testRunAttribute(run: TestRun): Attribute {
  return new Attribute(80)
    .u32(0, run.fd)
    .u32(8, run.data.length)
    .u32(TEST_RUN_ANSWER.dataSize, run.dataOut?.length ?? 0)
    .pointer(16, run.data)
    .pointer(24, run.dataOut)
    .u32(32, run.repeat ?? 0)
    .u32(40, run.context?.length ?? 0)
    .u32(TEST_RUN_ANSWER.contextSize, run.contextOut?.length ?? 0)
    .pointer(48, run.context)
    .pointer(56, run.contextOut);
}

/** Byte offsets of what the kernel writes into {@link testRunAttribute}; the duration is in nanoseconds a run. */
export const TEST_RUN_ANSWER = { verdict: 4, dataSize: 12, duration: 36, contextSize: 44 } as const;
