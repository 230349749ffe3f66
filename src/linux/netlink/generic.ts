import { AttributeSet, attribute } from "./attribute.ts";
import { NETLINK, NetlinkSocket } from "./socket.ts";

const CONTROLLER = 0x10;
const GET_FAMILY = 3;
const CTRL = { FAMILY_ID: 1, FAMILY_NAME: 2, VERSION: 3, MCAST_GROUPS: 7 } as const;
const CTRL_GROUP = { NAME: 1, ID: 2 } as const;

/** A family of generic netlink. */
export interface GenericFamily {
  /** The message type of its requests. */
  readonly id: number;
  readonly version: number;
  /** Multicast groups by name, for NetlinkSocket.join. */
  readonly groups: ReadonlyMap<string, number>;
}

/** struct genlmsghdr:  0  command (1)   1  version (1)   2  zero (2) */
export function genericHeader(command: number, version: number): Uint8Array {
  return Uint8Array.of(command, version, 0, 0);
}

/** Opens a socket for generic netlink in the thread's network namespace. */
export function openGenericSocket(): NetlinkSocket {
  return new NetlinkSocket(NETLINK.GENERIC);
}

/** Looks a family up by name ("IPVS"). Throws ENOENT if the kernel does not have it (or not loaded). */
export function resolveGenericFamily(socket: NetlinkSocket, name: string): GenericFamily {
  const [message] = socket.request({
    type: CONTROLLER,
    header: genericHeader(GET_FAMILY, 1),
    attributes: [attribute.text(CTRL.FAMILY_NAME, name)],
    name: `look up the generic netlink family ${name}`,
    advice: { ENOENT: "this kernel does not have it, or its module is not loaded" },
  });
  const set = new AttributeSet(message!.payload.subarray(4));
  const groups = (set.nested(CTRL.MCAST_GROUPS)?.all ?? []).map(({ value }) => {
    const group = new AttributeSet(value);
    return [group.text(CTRL_GROUP.NAME) ?? "", group.u32(CTRL_GROUP.ID) ?? 0] as const;
  });
  return { id: set.u16(CTRL.FAMILY_ID) ?? 0, version: set.u32(CTRL.VERSION) ?? 0, groups: new Map(groups) };
}
