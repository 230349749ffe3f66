import type { Infer, Schema, u32 } from "./schema/types.ts";

/** The packet a traffic-control program is called with. All fields but `mark` and `priority` are read-only. */
export interface Packet {
  /** Bytes in all, the Ethernet header included. */
  readonly length: u32;
  /** Who the link-layer address is: PACKET_HOST 0, BROADCAST 1, MULTICAST 2, OTHERHOST 3. */
  readonly type: u32;
  /** 1 if a VLAN tag was taken off and travels beside the bytes, else 0. */
  readonly vlanPresent: u32;
  /** EtherType, in host order: 0x0800 for IPv4. */
  readonly protocol: u32;
  /** The interface it is on now. */
  readonly ifindex: u32;
  /** The interface it came in by; 0 for packets of this host. */
  readonly ingressIfindex: u32;
  /** The firewall mark. */
  mark: u32;
  /** The priority by which queues sort. */
  priority: u32;
  /** The flow hash as far as anybody has computed it, else 0: see `flowHash`. */
  readonly hash: u32;
  /** Bytes of payload per segment of a super-packet, else 0. */
  readonly gsoSize: u32;
  /** Segments of a super-packet, else 0. */
  readonly gsoSegments: u32;
  /**
   * A view of the S that starts `offset` (0 … 65535) bytes into the packet, or null if it is not all there in directly
   * accessible bytes (`pullData` makes more accessible). Helpers that may move packet data make it unusable.
   */
  header<S extends Schema>(schema: S, offset: number): Infer<S> | null;
}
