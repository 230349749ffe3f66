/** What a director sent, for comparing and for reading. */
import {
  describePacket,
  type Endpoint,
  formatMac,
  type IpPacket,
  PROTOCOL,
  parseEthernet,
  parseIpPacket,
} from "../../src/net/index.ts";
import { SERVERS, serverMac } from "./addresses.ts";
import type { SentFrame, Side } from "./world.ts";

/** A frame that a director sent, read. */
export interface Seen {
  readonly side: Side;
  /** Number of the server whose link-layer address it has; undefined for the router. */
  readonly server: number | undefined;
  /** The IP packet. */
  readonly packet: IpPacket;
  /** The innermost IP packet: what the tunnel's end takes out, else the packet itself. */
  readonly inner: IpPacket;
  /** One line for people. */
  readonly text: string;
  /** Equal for frames that are equal but for what a director is free to choose. */
  readonly canonical: string;
}

/** Where GUE and GRE payloads begin: RFC 2784, draft-ietf-intarea-gue (variant 0). */
const GUE_PORT = 6080;
const GRE = 47;

/** Reads a frame. */
export function read({ side, bytes }: SentFrame): Seen {
  const ethernet = parseEthernet(bytes);
  const packet = parseIpPacket(ethernet.payload);
  const target = formatMac(ethernet.destination);
  const server = SERVERS.find((each) => serverMac(each) === target);
  return {
    side,
    server,
    packet,
    inner: innermost(packet),
    text: `${side}: to ${server === undefined ? target : `server ${server}`}: ${describePacket(bytes)}`,
    canonical: `${side} ${target} ${canonical(ethernet.payload, packet)}`,
  };
}

/** Where a packet comes from and goes to. */
export function endpointsOf(packet: IpPacket): { from: Endpoint; to: Endpoint } {
  const { payload } = packet;
  const hasPorts = [PROTOCOL.TCP, PROTOCOL.UDP, PROTOCOL.SCTP].includes(packet.protocol as 6);
  const port = (at: number) => (hasPorts ? payload[at]! * 256 + payload[at + 1]! : 0);
  return {
    from: { address: packet.source, port: port(0) },
    to: { address: packet.destination, port: port(2) },
  };
}

function innermost(packet: IpPacket): IpPacket {
  const { transport } = packet;
  if (transport.kind === "ip") return transport.inner;
  if (transport.kind === "udp" && transport.destinationPort === GUE_PORT) {
    const words = transport.payload[0]! & 0x1f;
    return innermost(parseIpPacket(transport.payload.subarray(4 + 4 * words)));
  }
  if (packet.protocol === GRE) {
    const hasChecksum = (packet.payload[0]! & 0x80) !== 0;
    return innermost(parseIpPacket(packet.payload.subarray(hasChecksum ? 8 : 4)));
  }
  return packet;
}

/**
 * Free: the identification of IPv4 packets without fragments, IPv6's flow label on an outer header and of ICMPv6, and the outer
 * source port of GUE with the checksum over it. That checksums hold is in the text.
 */
function canonical(ip: Uint8Array, packet: IpPacket): string {
  const bytes = Uint8Array.from(ip);
  const headerSize = ip.length - packet.payload.length;
  if (packet.version === 4) {
    if (packet.fragment === undefined) bytes.fill(0, 4, 6);
    bytes.fill(0, 10, 12);
  }
  const { transport } = packet;
  const outer = innermost(packet) !== packet;
  if (packet.version === 6 && (outer || transport.kind === "icmpv6")) bytes.fill(0, 1, 4);
  if (outer && transport.kind === "udp") {
    bytes.fill(0, headerSize, headerSize + 2);
    if (transport.payload.length > 0) bytes.fill(0, headerSize + 6, headerSize + 8);
  }
  const valid =
    ("checksumValid" in packet.header ? packet.header.checksumValid : true) &&
    ("checksumValid" in transport ? transport.checksumValid : true);
  return `${valid ? "" : "bad checksum "}${Buffer.from(bytes).toString("hex")}`;
}
