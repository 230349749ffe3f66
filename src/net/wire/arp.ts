import { MalformedPacketError, needBytes } from "./malformed.ts";

/*
 * RFC 826, for IPv4 over Ethernet only.
 *
 *   0  hardware type = 1 (2)   2  protocol type = 0x0800 (2)   4  lengths 6, 4   6  operation (2)
 *   8  sender MAC (6)   14  sender IP (4)   18  target MAC (6)   24  target IP (4)
 */

/** Operations of ARP. */
export const ARP_OPERATION = { REQUEST: 1, REPLY: 2 } as const;

/** An ARP packet for IPv4 over Ethernet. */
export interface ArpPacket {
  /** See {@link ARP_OPERATION}. */
  readonly operation: number;
  readonly senderMac: Uint8Array;
  readonly senderIp: Uint8Array;
  readonly targetMac: Uint8Array;
  readonly targetIp: Uint8Array;
}

/** Takes a packet apart; padding after it is ignored. Throws MalformedPacketError. */
export function parseArp(bytes: Uint8Array): ArpPacket {
  const view = needBytes(bytes, 28, "ARP");
  if (view.getUint32(0) !== 0x0001_0800 || view.getUint16(4) !== 0x0604) {
    throw new MalformedPacketError("ARP", "not IPv4 over Ethernet");
  }
  return {
    operation: view.getUint16(6),
    senderMac: bytes.subarray(8, 14),
    senderIp: bytes.subarray(14, 18),
    targetMac: bytes.subarray(18, 24),
    targetIp: bytes.subarray(24, 28),
  };
}

/** The 28 bytes of a packet. */
export function emitArp(packet: ArpPacket): Uint8Array {
  const bytes = new Uint8Array(28);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, 0x0001_0800);
  view.setUint16(4, 0x0604);
  view.setUint16(6, packet.operation);
  bytes.set(packet.senderMac, 8);
  bytes.set(packet.senderIp, 14);
  bytes.set(packet.targetMac, 18);
  bytes.set(packet.targetIp, 24);
  return bytes;
}
