import { AttributeSet } from "./attribute.ts";
import { NETLINK, NetlinkSocket } from "./socket.ts";

/** Messages of nf_tables: the subsystem's number, then what it is about (include/uapi/linux/netfilter/nf_tables.h). */
const SUBSYSTEM = 10 << 8;
const NEWTABLE = SUBSYSTEM | 0;
const GETTABLE = SUBSYSTEM | 1;
const TABLE_NAME = 1;
/** Families that tables may be of. */
const FAMILIES: Readonly<Record<number, string>> = {
  1: "inet",
  2: "ip",
  3: "arp",
  5: "netdev",
  7: "bridge",
  10: "ip6",
};

/** The tables of nftables in the thread's network namespace, iptables' own among them: "ip filter", "inet firewalld". */
export function listNftTables(): string[] {
  const socket = new NetlinkSocket(NETLINK.NETFILTER);
  try {
    // struct nfgenmsg: family (0: all), version, resource (2).
    const messages = socket.dump({
      type: GETTABLE,
      header: new Uint8Array(4),
      name: "list tables of nftables",
    });
    return messages
      .filter(({ type }) => type === NEWTABLE)
      .map(({ payload }) => {
        const name = new AttributeSet(payload.subarray(4)).text(TABLE_NAME) ?? "";
        return `${FAMILIES[payload[0]!] ?? payload[0]} ${name}`;
      });
  } finally {
    socket.close();
  }
}
