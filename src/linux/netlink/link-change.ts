import { openNetworkNamespace } from "../namespace.ts";
import { closeAll } from "../namespace-calls.ts";
import { type Attribute, attribute, encodeAttributes } from "./attribute.ts";
import { IFF, IFLA, isLinkName, linkHeader, linkIndex, linkInfo, RTM } from "./link.ts";
import { NLM_F } from "./message.ts";
import { type NetlinkSocket, withRouteSocket } from "./socket.ts";

/** What all new links may be given. */
export interface LinkSettings {
  readonly name: string;
  /** Six bytes. Default: the kernel picks one. */
  readonly mac?: Uint8Array;
  /** Bytes. */
  readonly mtu?: number;
  /** How many transmit and receive queues. Default: the kernel's choice, mostly 1. */
  readonly queues?: number;
  /** Whether to set it up at once. Default: false. */
  readonly up?: boolean;
  /** The network namespace to make it in: a name, or a descriptor. Default: the socket's. */
  readonly namespace?: string | number;
}

/** Makes a link of any kind, with the attributes of its kind. Throws EEXIST if the name is taken. */
export function createLink(
  socket: NetlinkSocket,
  kind: string,
  settings: LinkSettings,
  data: readonly Attribute[] = [],
): void {
  withNamespaces([settings], ([namespace]) =>
    socket.request({
      type: RTM.NEWLINK,
      flags: NLM_F.CREATE | NLM_F.EXCL,
      header: linkHeader(settings.up ? { flags: IFF.UP, change: IFF.UP } : {}),
      attributes: [...settingsAttributes(settings, namespace), linkInfo(kind, data)],
      name: `create ${kind} ${settings.name}`,
      advice: creationAdvice(kind),
    }),
  );
}

/** Makes a veth pair: two links, each the other's wire. Either end may be made in another namespace. */
export function createVeth(socket: NetlinkSocket, one: LinkSettings, other: LinkSettings): void {
  const VETH_INFO_PEER = 1;
  withNamespaces([one, other], ([here, there]) => {
    const peer = encodeAttributes(settingsAttributes(other, there), linkHeader());
    socket.request({
      type: RTM.NEWLINK,
      flags: NLM_F.CREATE | NLM_F.EXCL,
      header: linkHeader(),
      attributes: [
        ...settingsAttributes(one, here),
        linkInfo("veth", [attribute.bytes(VETH_INFO_PEER, peer)]),
      ],
      name: `create veth pair ${one.name}/${other.name}`,
      advice: creationAdvice("veth"),
    });
    // An end can only be set up when the other exists.
    if (one.up) setUpIn(socket, one.name, here);
    if (other.up) setUpIn(socket, other.name, there);
  });
}

function setUpIn(socket: NetlinkSocket, name: string, namespace: number | undefined): void {
  if (namespace === undefined) setLink(socket, name, { up: true });
  else withRouteSocket((there) => setLink(there, name, { up: true }), namespace);
}

/** Makes a bridge that forwards at once (no spanning tree, no forward delay). */
export function createBridge(socket: NetlinkSocket, settings: LinkSettings): void {
  const FORWARD_DELAY = 1;
  const STP_STATE = 5;
  createLink(socket, "bridge", settings, [attribute.u32(FORWARD_DELAY, 0), attribute.u32(STP_STATE, 0)]);
}

/** Makes a dummy link: it takes addresses and swallows packets. */
export function createDummy(socket: NetlinkSocket, settings: LinkSettings): void {
  createLink(socket, "dummy", settings);
}

/** Deletes a link; a veth's peer goes with it. */
export function deleteLink(socket: NetlinkSocket, target: string | number): void {
  const header = linkHeader({ index: linkIndex(socket, target) });
  socket.request({ type: RTM.DELLINK, header, name: `delete interface ${target}` });
}

/** What to change of a link. What is left out stays. */
export interface LinkChange {
  readonly up?: boolean;
  /** Bytes. */
  readonly mtu?: number;
  readonly mac?: Uint8Array;
  readonly name?: string;
  /** The bridge or bond to belong to, by name or index; null: to none. */
  readonly master?: string | number | null;
  /** The network namespace to move to: a name, or a descriptor. */
  readonly namespace?: string | number;
}

/** Changes a link, in one step. */
export function setLink(socket: NetlinkSocket, target: string | number, change: LinkChange): void {
  const index = linkIndex(socket, target);
  const header = linkHeader({
    index,
    flags: change.up ? IFF.UP : 0,
    change: change.up === undefined ? 0 : IFF.UP,
  });
  const { master } = change;
  withNamespaces([change], ([namespace]) => {
    const attributes = settingsAttributes(change, namespace);
    if (master !== undefined) {
      attributes.push(attribute.u32(IFLA.MASTER, master === null ? 0 : linkIndex(socket, master)));
    }
    socket.request({ type: RTM.NEWLINK, header, attributes, name: `change interface ${target}` });
  });
}

function settingsAttributes(settings: Partial<LinkSettings>, namespace: number | undefined): Attribute[] {
  const { name, mac, mtu, queues } = settings;
  if (name !== undefined && !isLinkName(name)) {
    throw new RangeError(
      `"${name}" cannot name an interface: 1 to 15 bytes without "/", ":" and white space`,
    );
  }
  const attributes: Attribute[] = [];
  if (name !== undefined) attributes.push(attribute.text(IFLA.IFNAME, name));
  if (mac !== undefined) attributes.push(attribute.bytes(IFLA.ADDRESS, mac));
  if (mtu !== undefined) attributes.push(attribute.u32(IFLA.MTU, mtu));
  if (queues !== undefined) {
    attributes.push(attribute.u32(IFLA.NUM_TX_QUEUES, queues), attribute.u32(IFLA.NUM_RX_QUEUES, queues));
  }
  if (namespace !== undefined) attributes.push(attribute.u32(IFLA.NET_NS_FD, namespace));
  return attributes;
}

/** Opens the namespaces that are given by name, for the time of `work`. */
function withNamespaces(
  settings: readonly { readonly namespace?: string | number }[],
  work: (descriptors: (number | undefined)[]) => void,
): void {
  const opened: number[] = [];
  try {
    const descriptors = settings.map(({ namespace }) => {
      if (typeof namespace !== "string") return namespace;
      const fd = openNetworkNamespace(namespace);
      opened.push(fd);
      return fd;
    });
    work(descriptors);
  } finally {
    closeAll(...opened);
  }
}

function creationAdvice(kind: string): Record<string, string> {
  return {
    EOPNOTSUPP: `this kernel has no ${kind} links (is its module loaded?)`,
    EEXIST: "an interface of this name exists already",
  };
}
