import { hasCode } from "../errno.ts";
import { AttributeSet, attribute } from "./attribute.ts";
import { linkIndex, RTM } from "./link.ts";
import { type NetlinkMessage, NLM_F } from "./message.ts";
import type { NetlinkSocket } from "./socket.ts";

const TCA = { KIND: 1, OPTIONS: 2 } as const;
const TCA_BPF = { FD: 6, NAME: 7, FLAGS: 8, TAG: 10, ID: 11 } as const;
const DIRECT_ACTION = 1;
const ETH_P_ALL = 3;

/** The handle and the parent of clsact, and of ingress before it. */
const CLSACT_HANDLE = 0xffff_0000;
const CLSACT_PARENT = 0xffff_fff1;

/** Which way packets go through a link, as clsact's filters see it. */
export type Direction = "ingress" | "egress";
const PARENT: Readonly<Record<Direction, number>> = { ingress: 0xffff_fff2, egress: 0xffff_fff3 };

/** A queueing discipline of a link. */
export interface Qdisc {
  /** The link's index. */
  readonly index: number;
  /** "clsact", "noqueue"… */
  readonly kind: string;
  readonly handle: number;
  readonly parent: number;
}

/** Where a filter is: together these name it. */
export interface FilterPlace {
  /** The link, by name or index. */
  readonly link: string | number;
  readonly direction: Direction;
  /** 1 to 65535; lower ones run first. */
  readonly priority: number;
  /** Tells filters of one priority apart; above 0. */
  readonly handle: number;
}

/** A filter of a link. */
export interface Filter {
  /** The link's index. */
  readonly index: number;
  readonly direction: Direction;
  readonly priority: number;
  /** Zero in the entry that stands for a whole priority. */
  readonly handle: number;
  /** "bpf", "u32"… */
  readonly kind: string;
  /** Of bpf filters: the name given with the program. */
  readonly name: string | undefined;
  /** Of bpf filters: the program's id. */
  readonly programId: number | undefined;
  /** Of bpf filters: whether the program's result is the verdict. */
  readonly directAction: boolean;
}

/*
 * struct tcmsg:  0  family (1)   4  index (4)   8  handle (4)   12  parent (4)   16  info (4)
 * Of filters, info is the priority in the high half and the protocol, in network order, in the low half.
 */
function header(index: number, handle: number, parent: number, info = 0): Uint8Array {
  const bytes = new Uint8Array(20);
  const view = new DataView(bytes.buffer);
  view.setInt32(4, index, true);
  view.setUint32(8, handle, true);
  view.setUint32(12, parent, true);
  view.setUint32(16, info, true);
  return bytes;
}

function filterInfo(priority: number): number {
  return priority * 0x1_0000 + (ETH_P_ALL << 8);
}

/**
 * Gives a link the qdisc that ingress and egress filters hang from, unless it has it, or the older "ingress"
 * qdisc, which takes ingress filters as well. Returns whether it was made now.
 */
export function addClsact(socket: NetlinkSocket, link: string | number): boolean {
  const index = linkIndex(socket, link);
  try {
    socket.request({
      type: RTM.NEWQDISC,
      flags: NLM_F.CREATE | NLM_F.EXCL,
      header: header(index, CLSACT_HANDLE, CLSACT_PARENT),
      attributes: [attribute.text(TCA.KIND, "clsact")],
      name: `add clsact to ${link}`,
      advice: { ENOENT: "this kernel has no clsact (CONFIG_NET_SCH_INGRESS; modprobe sch_ingress)" },
    });
    return true;
  } catch (error) {
    if (hasCode(error, "EEXIST")) return false;
    throw error;
  }
}

/** Takes clsact, with all filters at it, from a link. Throws ENOENT or EINVAL if the link does not have it. */
export function deleteClsact(socket: NetlinkSocket, link: string | number): void {
  const index = linkIndex(socket, link);
  socket.request({
    type: RTM.DELQDISC,
    header: header(index, CLSACT_HANDLE, CLSACT_PARENT),
    name: `delete clsact from ${link}`,
  });
}

/** All queueing disciplines of the socket's namespace, or those of one link. */
export function listQdiscs(socket: NetlinkSocket, link?: string | number): Qdisc[] {
  const index = link === undefined ? undefined : linkIndex(socket, link);
  return socket
    .dump({ type: RTM.GETQDISC, header: header(index ?? 0, 0, 0), name: "list qdiscs" })
    .filter(({ type }) => type === RTM.NEWQDISC)
    .map(decodeQdisc)
    .filter((qdisc) => index === undefined || qdisc.index === index);
}

function decodeQdisc({ payload }: NetlinkMessage): Qdisc {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  const set = new AttributeSet(payload.subarray(20));
  return {
    index: view.getInt32(4, true),
    kind: set.text(TCA.KIND) ?? "",
    handle: view.getUint32(8, true),
    parent: view.getUint32(12, true),
  };
}

/** A BPF program to run as a filter. */
export interface BpfFilter extends FilterPlace {
  /** Descriptor of a program of type SCHED_CLS. */
  readonly program: number;
  /** What listings call it. */
  readonly name: string;
}

/** Adds a BPF program as a direct-action filter. The link needs clsact. Throws EEXIST if the place is taken. */
export function addBpfFilter(socket: NetlinkSocket, filter: BpfFilter): void {
  putBpfFilter(socket, filter, NLM_F.CREATE | NLM_F.EXCL, "add");
}

/** As {@link addBpfFilter}, but takes the place of a filter there: no packet sees none or both of them. */
export function replaceBpfFilter(socket: NetlinkSocket, filter: BpfFilter): void {
  putBpfFilter(socket, filter, NLM_F.CREATE | NLM_F.REPLACE, "replace");
}

function putBpfFilter(socket: NetlinkSocket, filter: BpfFilter, flags: number, verb: string): void {
  const { link, direction, priority, handle, program, name } = filter;
  socket.request({
    type: RTM.NEWTFILTER,
    flags,
    header: header(linkIndex(socket, link), handle, PARENT[direction], filterInfo(priority)),
    attributes: [
      attribute.text(TCA.KIND, "bpf"),
      attribute.nested(
        TCA.OPTIONS,
        attribute.u32(TCA_BPF.FD, program),
        attribute.text(TCA_BPF.NAME, name),
        attribute.u32(TCA_BPF.FLAGS, DIRECT_ACTION),
      ),
    ],
    name: `${verb} ${direction} filter ${name} on ${link}`,
    advice: {
      ENOENT: "this kernel has no bpf filters (CONFIG_NET_CLS_BPF; modprobe cls_bpf)",
      EEXIST: `priority ${priority}, handle ${handle} is taken`,
    },
  });
}

/** Deletes a filter. Throws ENOENT if it is not there. */
export function deleteFilter(socket: NetlinkSocket, place: FilterPlace): void {
  const { link, direction, priority, handle } = place;
  socket.request({
    type: RTM.DELTFILTER,
    header: header(linkIndex(socket, link), handle, PARENT[direction], filterInfo(priority)),
    attributes: [attribute.text(TCA.KIND, "bpf")],
    name: `delete ${direction} filter ${handle} of priority ${priority} on ${link}`,
  });
}

/** The filters of a link in one direction, in the order in which they run. */
export function listFilters(socket: NetlinkSocket, link: string | number, direction: Direction): Filter[] {
  return socket
    .dump({
      type: RTM.GETTFILTER,
      header: header(linkIndex(socket, link), 0, PARENT[direction]),
      name: `list ${direction} filters of ${link}`,
    })
    .filter(({ type }) => type === RTM.NEWTFILTER)
    .map((message) => decodeFilter(message, direction));
}

function decodeFilter({ payload }: NetlinkMessage, direction: Direction): Filter {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  const set = new AttributeSet(payload.subarray(20));
  const kind = set.text(TCA.KIND) ?? "";
  const options = kind === "bpf" ? set.nested(TCA.OPTIONS) : undefined;
  return {
    index: view.getInt32(4, true),
    direction,
    priority: view.getUint16(18, true),
    handle: view.getUint32(8, true),
    kind,
    name: options?.text(TCA_BPF.NAME),
    programId: options?.u32(TCA_BPF.ID),
    directAction: ((options?.u32(TCA_BPF.FLAGS) ?? 0) & DIRECT_ACTION) !== 0,
  };
}
