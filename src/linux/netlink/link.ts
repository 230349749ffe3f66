import { errnoNumber, hasCode, SystemError } from "../errno.ts";
import { type Attribute, AttributeSet, attribute } from "./attribute.ts";
import type { NetlinkMessage } from "./message.ts";
import type { NetlinkSocket } from "./socket.ts";

/** Message types of rtnetlink: include/uapi/linux/rtnetlink.h. */
export const RTM = {
  NEWLINK: 16,
  DELLINK: 17,
  GETLINK: 18,
  SETLINK: 19,
  NEWADDR: 20,
  DELADDR: 21,
  GETADDR: 22,
  NEWROUTE: 24,
  DELROUTE: 25,
  GETROUTE: 26,
  NEWNEIGH: 28,
  DELNEIGH: 29,
  GETNEIGH: 30,
  NEWQDISC: 36,
  DELQDISC: 37,
  GETQDISC: 38,
  NEWTFILTER: 44,
  DELTFILTER: 45,
  GETTFILTER: 46,
} as const;

/** Multicast groups of rtnetlink, for NetlinkSocket.join. */
export const RTNLGRP = { LINK: 1, NEIGH: 3, TC: 4, IPV4_IFADDR: 5, IPV4_ROUTE: 7, IPV6_IFADDR: 9 } as const;

/** Attributes of links: include/uapi/linux/if_link.h. */
export const IFLA = {
  ADDRESS: 1,
  IFNAME: 3,
  MTU: 4,
  LINK: 5,
  MASTER: 10,
  TXQLEN: 13,
  OPERSTATE: 16,
  LINKINFO: 18,
  GROUP: 27,
  NET_NS_FD: 28,
  EXT_MASK: 29,
  NUM_TX_QUEUES: 31,
  NUM_RX_QUEUES: 32,
  CARRIER: 33,
  LINK_NETNSID: 37,
} as const;
/** Attributes inside IFLA.LINKINFO. */
export const LINKINFO = { KIND: 1, DATA: 2 } as const;

/** Flags of an interface: netdevice(7). */
export const IFF = { UP: 1, BROADCAST: 2, LOOPBACK: 8, POINTOPOINT: 16, RUNNING: 64, NOARP: 128 } as const;

/** The `hardwareType` of an interface with Ethernet frames: include/uapi/linux/if_arp.h. */
export const ARPHRD_ETHER = 1;

/** A network interface. */
export interface Link {
  readonly index: number;
  readonly name: string;
  /** ARPHRD_ value: {@link ARPHRD_ETHER}, 772 loopback, 768 IP in IP, 65534 none. */
  readonly hardwareType: number;
  /** Bits of {@link IFF}. */
  readonly flags: number;
  readonly up: boolean;
  /** Whether the link has a carrier. */
  readonly carrier: boolean;
  readonly loopback: boolean;
  /** Bytes. */
  readonly mtu: number;
  /** The hardware address; empty for links that have none. */
  readonly mac: Uint8Array;
  /** What made the link: "veth", "bridge"… undefined for hardware and loopback. */
  readonly kind: string | undefined;
  /** The index of the bridge or bond that the link belongs to. */
  readonly master: number | undefined;
  /** The index of the veth peer or lower link, maybe in another namespace (then {@link peerElsewhere}). */
  readonly peer: number | undefined;
  readonly peerElsewhere: boolean;
}

/*
 * struct ifinfomsg:  0  family (1)   2  hardware type (2)   4  index (4)   8  flags (4)   12  changed flags (4)
 */

/** The fixed header of a link request. */
export function linkHeader(fields: { index?: number; flags?: number; change?: number } = {}): Uint8Array {
  const header = new Uint8Array(16);
  const view = new DataView(header.buffer);
  view.setInt32(4, fields.index ?? 0, true);
  view.setUint32(8, fields.flags ?? 0, true);
  view.setUint32(12, fields.change ?? 0, true);
  return header;
}

/** The link of a NEWLINK or DELLINK message. */
export function decodeLink({ payload }: NetlinkMessage): Link {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  const set = new AttributeSet(payload.subarray(16));
  const flags = view.getUint32(8, true);
  return {
    index: view.getInt32(4, true),
    name: set.text(IFLA.IFNAME) ?? "",
    hardwareType: view.getUint16(2, true),
    flags,
    up: (flags & IFF.UP) !== 0,
    carrier: set.u8(IFLA.CARRIER) === 1,
    loopback: (flags & IFF.LOOPBACK) !== 0,
    mtu: set.u32(IFLA.MTU) ?? 0,
    mac: set.bytes(IFLA.ADDRESS) ?? new Uint8Array(0),
    kind: set.nested(IFLA.LINKINFO)?.text(LINKINFO.KIND),
    master: set.u32(IFLA.MASTER),
    peer: set.u32(IFLA.LINK),
    peerElsewhere: set.has(IFLA.LINK_NETNSID),
  };
}

/** All links of the socket's namespace, by index. */
export function listLinks(socket: NetlinkSocket): Link[] {
  const messages = socket.dump({ type: RTM.GETLINK, header: linkHeader(), name: "list links" });
  return messages
    .filter(({ type }) => type === RTM.NEWLINK)
    .map(decodeLink)
    .sort((a, b) => a.index - b.index);
}

/** The link of a name (or index). Throws ENODEV, naming the links there are. */
export function getLink(socket: NetlinkSocket, target: string | number): Link {
  const found = findLink(socket, target);
  if (found !== undefined) return found;
  const names = listLinks(socket).map((link) => link.name);
  const advice = `the interfaces here are ${names.join(", ")}`;
  throw new SystemError("netlink", errnoNumber("ENODEV"), { attempted: linkRequest(target).name, advice });
}

/** The link of a name (or index), or undefined. */
export function findLink(socket: NetlinkSocket, target: string | number): Link | undefined {
  if (typeof target === "string" && !isLinkName(target)) return undefined;
  try {
    const [message] = socket.request(linkRequest(target));
    return message === undefined ? undefined : decodeLink(message);
  } catch (error) {
    if (hasCode(error, "ENODEV")) return undefined;
    throw error;
  }
}

function linkRequest(target: string | number) {
  const named = typeof target === "string";
  return {
    type: RTM.GETLINK,
    header: linkHeader(named ? {} : { index: target }),
    attributes: named ? [attribute.text(IFLA.IFNAME, target)] : [],
    name: named ? `interface ${target}` : `interface number ${target}`,
  };
}

/** Whether this may name an interface: 1 to 15 bytes, no "/" and no white space. */
export function isLinkName(name: string): boolean {
  if (name === "" || name === "." || name === ".." || /[/\s:]/.test(name)) return false;
  return new TextEncoder().encode(name).length <= 15;
}

/** The index of a link that is given by name or index. */
export function linkIndex(socket: NetlinkSocket, target: string | number): number {
  return typeof target === "number" ? target : getLink(socket, target).index;
}

/** The kind of a new link with the attributes of that kind. */
export function linkInfo(kind: string, data: readonly Attribute[] = []): Attribute {
  const parts = [attribute.text(LINKINFO.KIND, kind)];
  if (data.length > 0) parts.push(attribute.nested(LINKINFO.DATA, ...data));
  return attribute.nested(IFLA.LINKINFO, ...parts);
}
