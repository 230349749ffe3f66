import { formatIp, type IpAddress } from "../../net/index.ts";
import { AF } from "../sockets.ts";
import { familyOf } from "./address.ts";
import { AttributeSet, attribute } from "./attribute.ts";
import { linkIndex, RTM } from "./link.ts";
import { type NetlinkMessage, NLM_F } from "./message.ts";
import type { NetlinkSocket } from "./socket.ts";

const NDA = { DST: 1, LLADDR: 2 } as const;

/** States of a neighbour: rtnetlink(7). */
export const NUD = {
  INCOMPLETE: 0x01,
  REACHABLE: 0x02,
  STALE: 0x04,
  DELAY: 0x08,
  PROBE: 0x10,
  FAILED: 0x20,
  NOARP: 0x40,
  PERMANENT: 0x80,
} as const;

/** A neighbour: an address on a link with its hardware address (ARP, neighbour discovery). */
export interface Neighbour {
  /** The link's index. */
  readonly index: number;
  readonly address: IpAddress;
  /** Undefined while it is not known. */
  readonly mac: Uint8Array | undefined;
  /** One bit of {@link NUD}. */
  readonly state: number;
}

/*
 * struct ndmsg:  0  family (1)   4  index (4)   8  state (2)   10  flags (1)   11  type (1)
 */
function neighbourHeader(family: number, index: number, state: number): Uint8Array {
  const header = new Uint8Array(12);
  const view = new DataView(header.buffer);
  header[0] = family;
  view.setInt32(4, index, true);
  view.setUint16(8, state, true);
  return header;
}

/** Sets a neighbour, by default for good. Replaces what the kernel knew. */
export function setNeighbour(
  socket: NetlinkSocket,
  link: string | number,
  address: IpAddress,
  mac: Uint8Array,
  state: number = NUD.PERMANENT,
): void {
  socket.request({
    type: RTM.NEWNEIGH,
    flags: NLM_F.CREATE | NLM_F.REPLACE,
    header: neighbourHeader(familyOf(address), linkIndex(socket, link), state),
    attributes: [attribute.bytes(NDA.DST, address), attribute.bytes(NDA.LLADDR, mac)],
    name: `set neighbour ${formatIp(address)} on ${link}`,
  });
}

/** Forgets a neighbour. Throws ENOENT if it is not known. */
export function deleteNeighbour(socket: NetlinkSocket, link: string | number, address: IpAddress): void {
  socket.request({
    type: RTM.DELNEIGH,
    header: neighbourHeader(familyOf(address), linkIndex(socket, link), 0),
    attributes: [attribute.bytes(NDA.DST, address)],
    name: `delete neighbour ${formatIp(address)} on ${link}`,
  });
}

/** The neighbours that the kernel knows, IPv4 and IPv6. */
export function listNeighbours(socket: NetlinkSocket, link?: string | number): Neighbour[] {
  const index = link === undefined ? undefined : linkIndex(socket, link);
  return [AF.INET, AF.INET6]
    .flatMap((family) =>
      socket.dump({ type: RTM.GETNEIGH, header: neighbourHeader(family, 0, 0), name: "list neighbours" }),
    )
    .filter(({ type }) => type === RTM.NEWNEIGH)
    .map(decodeNeighbour)
    .filter((each) => index === undefined || each.index === index);
}

/** The neighbour of a NEWNEIGH or DELNEIGH message. */
export function decodeNeighbour({ payload }: NetlinkMessage): Neighbour {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  const set = new AttributeSet(payload.subarray(12));
  return {
    index: view.getInt32(4, true),
    address: set.bytes(NDA.DST) ?? new Uint8Array(0),
    mac: set.bytes(NDA.LLADDR),
    state: view.getUint16(8, true),
  };
}
