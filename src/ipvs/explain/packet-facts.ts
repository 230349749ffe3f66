/** A frame as explanations name it. */
import type { Link } from "../../linux/index.ts";
import { ETHERNET_LENGTH, type IpAddress, TCP_FLAG } from "../../net/index.ts";
import type { Endpoint } from "../model.ts";
import type { ExplainedPacket } from "./model.ts";
import { endsOf, parsed } from "./outcome.ts";
import { nameOfProtocol } from "./packet.ts";

/**
 * Whether an address is one that no packet comes from that has left its host: loopback's, or none. The datapath takes such for no
 * client's.
 */
export function isOfNoHost(address: IpAddress): boolean {
  if (address.length === 4) return address[0] === 127 || address.every((byte) => byte === 0);
  return address.every((byte, at) => byte <= (at === 15 ? 1 : 0));
}

const NOBODY: Endpoint = { family: 4, address: "0.0.0.0", port: 0 };

export function describeFrame(frame: Uint8Array, link: Link, mark: number): ExplainedPacket {
  const packet = parsed(frame);
  const flags =
    packet?.transport.kind === "tcp"
      ? Object.entries(TCP_FLAG).flatMap(([name, bit]) =>
          packet.transport.kind === "tcp" && (packet.transport.flags & bit) !== 0 ? [name] : [],
        )
      : null;
  return {
    family: packet?.version ?? 4,
    protocol: packet === null ? "unreadable" : nameOfProtocol(packet.protocol),
    ...(packet === null ? { source: NOBODY, destination: NOBODY } : endsOf(packet)),
    interface: link.name,
    mark,
    flags,
    length: frame.length - ETHERNET_LENGTH,
  };
}

/** PACKET_HOST, _BROADCAST, _MULTICAST or _OTHERHOST: whom a frame that comes in by an interface is addressed to. */
export function typeOfFrame(frame: Uint8Array, link: Link): 0 | 1 | 2 | 3 {
  const destination = frame.subarray(0, 6);
  if ((destination[0]! & 1) !== 0) return destination.every((byte) => byte === 0xff) ? 1 : 2;
  const own = link.mac.length === 6 ? link.mac : new Uint8Array(6);
  return own.every((byte, index) => byte === destination[index]) ? 0 : 3;
}
