import { addressOf, bpf } from "../../linux/index.ts";
import { infoAttribute } from "./object-attributes.ts";

/** struct bpf_map_info, the part that all kernels have. */
export interface MapInfo {
  readonly type: number;
  readonly id: number;
  readonly keySize: number;
  readonly valueSize: number;
  readonly entries: number;
  readonly flags: number;
  readonly name: string;
}

/** struct bpf_prog_info, the part that all kernels have. */
export interface ProgramInfo {
  readonly type: number;
  readonly id: number;
  /** Eight bytes as hexadecimal digits: the same for the same instructions, whatever maps they use. */
  readonly tag: string;
  /** Bytes of machine code; 0 without a JIT compiler. */
  readonly jitedBytes: number;
  readonly translatedBytes: number;
  /** Nanoseconds since the machine was started. */
  readonly loadTime: bigint;
  readonly mapIds: readonly number[];
  readonly name: string;
  /** How often it ran and for how many nanoseconds; counted while kernel.bpf_stats_enabled is 1. */
  readonly runCount: bigint;
  readonly runTime: bigint;
  /** Instructions that the verifier walked through; 0 where the kernel does not say. */
  readonly verifiedInstructions: number;
}

/** struct bpf_link_info. */
export interface LinkInfo {
  readonly type: number;
  readonly id: number;
  readonly programId: number;
  /** tcx and XDP links: the device; 0 when it is gone. */
  readonly ifindex: number;
  /** tcx links: 46 ingress, 47 egress. */
  readonly attachType: number;
}

/** BPF_OBJ_GET_INFO_BY_FD of a map. Throws SystemError. */
export function mapInfo(fd: number): MapInfo {
  const view = readInfo(fd, 88);
  return {
    type: view.getUint32(0, true),
    id: view.getUint32(4, true),
    keySize: view.getUint32(8, true),
    valueSize: view.getUint32(12, true),
    entries: view.getUint32(16, true),
    flags: view.getUint32(20, true),
    name: nameAt(view, 24),
  };
}

const MAP_ID_COUNT = 52;
const MAP_IDS = 56;

/** BPF_OBJ_GET_INFO_BY_FD of a program. Throws SystemError. */
export function programInfo(fd: number): ProgramInfo {
  const view = readInfo(fd, 232);
  const count = view.getUint32(MAP_ID_COUNT, true);
  return {
    type: view.getUint32(0, true),
    id: view.getUint32(4, true),
    tag: Buffer.from(view.buffer, 8, 8).toString("hex"),
    jitedBytes: view.getUint32(16, true),
    translatedBytes: view.getUint32(20, true),
    loadTime: view.getBigUint64(40, true),
    mapIds: count === 0 ? [] : readMapIds(fd, count),
    name: nameAt(view, 64),
    runTime: view.getBigUint64(192, true),
    runCount: view.getBigUint64(200, true),
    verifiedInstructions: view.getUint32(216, true),
  };
}

function readMapIds(fd: number, count: number): number[] {
  const ids = new Uint32Array(count);
  const info = new Uint8Array(232);
  const view = new DataView(info.buffer);
  view.setUint32(MAP_ID_COUNT, count, true);
  view.setBigUint64(MAP_IDS, addressOf(new Uint8Array(ids.buffer)), true);
  bpf("BPF_OBJ_GET_INFO_BY_FD", infoAttribute(fd, info).bytes);
  return [...ids];
}

/** BPF_OBJ_GET_INFO_BY_FD of a link. Throws SystemError. */
export function linkInfo(fd: number): LinkInfo {
  const view = readInfo(fd, 64);
  return {
    type: view.getUint32(0, true),
    id: view.getUint32(4, true),
    programId: view.getUint32(8, true),
    ifindex: view.getUint32(16, true),
    attachType: view.getUint32(20, true),
  };
}

/** Kernels that know fewer bytes leave the rest zero. */
function readInfo(fd: number, size: number): DataView {
  const info = new Uint8Array(size);
  bpf("BPF_OBJ_GET_INFO_BY_FD", infoAttribute(fd, info).bytes, { attempted: `descriptor ${fd}` });
  return new DataView(info.buffer);
}

function nameAt(view: DataView, offset: number): string {
  const bytes = Buffer.from(view.buffer, offset, 16);
  const end = bytes.indexOf(0);
  return bytes.toString("latin1", 0, end < 0 ? 16 : end);
}
