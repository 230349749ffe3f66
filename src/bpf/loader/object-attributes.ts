/** The commands on any object (pins, information, identifiers, links) as parts of union bpf_attr. */
import { Attribute } from "./attribute.ts";

/** enum bpf_attach_type, the ones used here. */
export const ATTACH_TYPE = { tcxIngress: 46, tcxEgress: 47 } as const;

/** BPF_OBJ_PIN. */
export function pinAttribute(fd: number, path: string): Attribute {
  return new Attribute(16).text(0, path).u32(8, fd);
}

/** BPF_OBJ_GET. */
export function openPinAttribute(path: string): Attribute {
  return new Attribute(16).text(0, path);
}

/** BPF_OBJ_GET_INFO_BY_FD; the kernel says at INFO_LENGTH_OFFSET how many bytes of `info` it knows of. */
export function infoAttribute(fd: number, info: Uint8Array): Attribute {
  return new Attribute(16).u32(0, fd).u32(INFO_LENGTH_OFFSET, info.length).pointer(8, info);
}

export const INFO_LENGTH_OFFSET = 4;

/** BPF_PROG_GET_FD_BY_ID, BPF_MAP_GET_FD_BY_ID, BPF_LINK_GET_FD_BY_ID. */
export function byIdAttribute(id: number): Attribute {
  return new Attribute(12).u32(0, id);
}

/** BPF_PROG_GET_NEXT_ID and its like: the answer is at NEXT_ID_OFFSET. */
export function nextIdAttribute(id: number): Attribute {
  return new Attribute(12).u32(0, id);
}

export const NEXT_ID_OFFSET = 4;

/** BPF_LINK_CREATE on a network device, after all that are there. */
export function linkCreateAttribute(program: number, ifindex: number, attachType: number): Attribute {
  return new Attribute(32).u32(0, program).u32(4, ifindex).u32(8, attachType);
}

/** BPF_LINK_UPDATE: from now on the link runs `program`. */
export function linkUpdateAttribute(link: number, program: number): Attribute {
  return new Attribute(16).u32(0, link).u32(4, program);
}

/** BPF_LINK_DETACH. */
export function linkDetachAttribute(link: number): Attribute {
  return new Attribute(4).u32(0, link);
}

export interface ProgramQuery {
  readonly ifindex: number;
  readonly attachType: number;
  /** u32 each; as many as fit are filled in. */
  readonly programIds?: Uint8Array;
  readonly linkIds?: Uint8Array;
}

/** BPF_PROG_QUERY of a network device (tcx); the kernel says at QUERY_COUNT_OFFSET how many programs there are. */
export function programQueryAttribute(query: ProgramQuery): Attribute {
  return new Attribute(64)
    .u32(0, query.ifindex)
    .u32(4, query.attachType)
    .pointer(16, query.programIds)
    .u32(QUERY_COUNT_OFFSET, (query.programIds?.length ?? 0) / 4)
    .pointer(40, query.linkIds);
}

export const QUERY_COUNT_OFFSET = 24;
