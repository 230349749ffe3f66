import { formatPrefix, type IpAddress, lastAddressOf, type Prefix, sameBytes } from "../../net/index.ts";
import { AF } from "../sockets.ts";
import { AttributeSet, attribute } from "./attribute.ts";
import { linkIndex, RTM } from "./link.ts";
import { type NetlinkMessage, NLM_F } from "./message.ts";
import type { NetlinkSocket } from "./socket.ts";

const IFA = { ADDRESS: 1, LOCAL: 2, LABEL: 3, BROADCAST: 4, CACHEINFO: 6, FLAGS: 8 } as const;
const IFA_F_NODAD = 0x02;
const IFA_F_NOPREFIXROUTE = 0x200;
const FOR_EVER = 0xffff_ffff;

/** How far an address or route reaches: rtnetlink(7). */
export const RT_SCOPE = { UNIVERSE: 0, SITE: 200, LINK: 253, HOST: 254, NOWHERE: 255 } as const;

/** An address of an interface. */
export interface InterfaceAddress {
  readonly index: number;
  /** The address, with the length of its network's prefix. */
  readonly prefix: Prefix;
  /** The other end's address on a point-to-point link. */
  readonly peer: IpAddress | undefined;
  readonly broadcast: IpAddress | undefined;
  readonly label: string | undefined;
  /** See {@link RT_SCOPE}. */
  readonly scope: number;
  /** IFA_F_ bits; 0x40 (tentative) means that duplicate address detection still runs. */
  readonly flags: number;
}

/** How to add an address. */
export interface AddressSettings {
  readonly scope?: number;
  /** Do not add a route to the prefix. Default: false. */
  readonly noPrefixRoute?: boolean;
  /** IPv6: use it at once, without duplicate address detection. Default: true. */
  readonly skipDuplicateDetection?: boolean;
  /** IPv4: a label such as "eth0:1". */
  readonly label?: string;
  /** IPv6: not to be the source of what this machine begins, if it has another address (RFC 6724). Default: false. */
  readonly deprecated?: boolean;
}

/*
 * struct ifaddrmsg:  0  family (1)   1  prefix length (1)   2  flags (1)   3  scope (1)   4  index (4)
 */
function addressHeader(family: number, length: number, scope: number, index: number): Uint8Array {
  const header = new Uint8Array(8);
  header.set([family, length, 0, scope]);
  new DataView(header.buffer).setUint32(4, index, true);
  return header;
}

/*
 * struct ifa_cacheinfo:  0  preferred lifetime, s (4)   4  valid lifetime, s (4)   8  when made, when changed (4 each)
 */
function lifetimes(preferred: number, valid: number): Uint8Array {
  return new Uint8Array(Uint32Array.of(preferred, valid, 0, 0).buffer);
}

/** AF_INET or AF_INET6. */
export function familyOf(address: IpAddress): number {
  return address.length === 4 ? AF.INET : AF.INET6;
}

/** Adds an address to a link (by name or index). Throws EEXIST if the link has it. */
export function addAddress(
  socket: NetlinkSocket,
  link: string | number,
  prefix: Prefix,
  settings: AddressSettings = {},
): void {
  const { address, length } = prefix;
  const ipv4 = address.length === 4;
  const flags =
    (settings.noPrefixRoute ? IFA_F_NOPREFIXROUTE : 0) |
    (!ipv4 && (settings.skipDuplicateDetection ?? true) ? IFA_F_NODAD : 0);
  const attributes = [attribute.bytes(IFA.LOCAL, address), attribute.bytes(IFA.ADDRESS, address)];
  if (ipv4 && length < 31) attributes.push(attribute.bytes(IFA.BROADCAST, lastAddressOf(prefix)));
  if (flags !== 0) attributes.push(attribute.u32(IFA.FLAGS, flags));
  if (settings.deprecated) attributes.push(attribute.bytes(IFA.CACHEINFO, lifetimes(0, FOR_EVER)));
  if (settings.label !== undefined) attributes.push(attribute.text(IFA.LABEL, settings.label));
  socket.request({
    type: RTM.NEWADDR,
    flags: NLM_F.CREATE | NLM_F.EXCL,
    header: addressHeader(familyOf(address), length, settings.scope ?? 0, linkIndex(socket, link)),
    attributes,
    name: `add address ${formatPrefix(prefix)} to ${link}`,
    advice: { EEXIST: "the interface has this address already" },
  });
}

/** Takes an address from a link. Throws EADDRNOTAVAIL if the link does not have it. */
export function deleteAddress(socket: NetlinkSocket, link: string | number, prefix: Prefix): void {
  const { address, length } = prefix;
  socket.request({
    type: RTM.DELADDR,
    header: addressHeader(familyOf(address), length, 0, linkIndex(socket, link)),
    attributes: [attribute.bytes(IFA.LOCAL, address), attribute.bytes(IFA.ADDRESS, address)],
    name: `delete address ${formatPrefix(prefix)} from ${link}`,
  });
}

/** All addresses of the socket's namespace, or those of one link. */
export function listAddresses(socket: NetlinkSocket, link?: string | number): InterfaceAddress[] {
  const index = link === undefined ? undefined : linkIndex(socket, link);
  const messages = socket.dump({
    type: RTM.GETADDR,
    header: addressHeader(AF.UNSPEC, 0, 0, index ?? 0),
    name: "list addresses",
  });
  return messages
    .filter(({ type }) => type === RTM.NEWADDR)
    .map(decodeAddress)
    .filter((each) => index === undefined || each.index === index);
}

/** The address of a NEWADDR or DELADDR message. */
export function decodeAddress({ payload }: NetlinkMessage): InterfaceAddress {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  const set = new AttributeSet(payload.subarray(8));
  const other = set.bytes(IFA.ADDRESS) ?? new Uint8Array(0);
  const address = set.bytes(IFA.LOCAL) ?? other;
  return {
    index: view.getUint32(4, true),
    prefix: { address, length: payload[1]! },
    peer: sameBytes(address, other) ? undefined : other,
    broadcast: set.bytes(IFA.BROADCAST),
    label: set.text(IFA.LABEL),
    scope: payload[3]!,
    flags: set.u32(IFA.FLAGS) ?? payload[2]!,
  };
}
