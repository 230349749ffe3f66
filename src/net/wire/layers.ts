import { type ParsedIcmpMessage, parseIcmpv4, parseIcmpv6 } from "./icmp.ts";
import { type Ipv4Packet, parseIpv4Packet } from "./ipv4.ts";
import { type Ipv6Fragment, type Ipv6Packet, ipv6UpperLayer, parseIpv6Packet } from "./ipv6.ts";
import { MalformedPacketError } from "./malformed.ts";
import { PROTOCOL } from "./protocol.ts";
import { parseTcp, type TcpSegment } from "./tcp.ts";
import { type ParsedUdpDatagram, parseUdp } from "./udp.ts";

/** What an IP packet carries. */
export type Transport =
  | ({ readonly kind: "tcp" } & TcpSegment)
  | ({ readonly kind: "udp" } & ParsedUdpDatagram)
  | ({ readonly kind: "icmp" } & ParsedIcmpMessage)
  | ({ readonly kind: "icmpv6" } & ParsedIcmpMessage)
  /** Another IP packet: IP in IP, IPv6 in IP. */
  | { readonly kind: "ip"; readonly inner: IpPacket }
  /** A protocol not understood here, or a part of a packet whose header is in another fragment. */
  | { readonly kind: "other"; readonly payload: Uint8Array };

/** An IPv4 or IPv6 packet with what it carries. */
export interface IpPacket {
  readonly version: 4 | 6;
  readonly header: Ipv4Packet | Ipv6Packet;
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
  /** The upper-layer protocol, IPv6's extension headers stepped over. See PROTOCOL. */
  readonly protocol: number;
  /** TTL or hop limit. */
  readonly timeToLive: number;
  /** Set for a fragment: not for a whole packet. */
  readonly fragment?: Ipv6Fragment;
  /** The bytes after the IP headers. */
  readonly payload: Uint8Array;
  readonly transport: Transport;
}

/** Takes an IP packet and what it carries apart. Throws MalformedPacketError. */
export function parseIpPacket(bytes: Uint8Array): IpPacket {
  const version = (bytes[0] ?? 0) >> 4;
  if (version === 4) return fromIpv4(parseIpv4Packet(bytes));
  if (version === 6) return fromIpv6(parseIpv6Packet(bytes));
  throw new MalformedPacketError("IP", bytes.length === 0 ? "no bytes" : `version ${version}`);
}

function fromIpv4(header: Ipv4Packet): IpPacket {
  const { source, destination, protocol, timeToLive, payload } = header;
  const common = { version: 4, header, source, destination, protocol, timeToLive, payload } as const;
  if (!header.moreFragments && header.fragmentOffset === 0)
    return { ...common, transport: transportOf(common) };
  const fragment = {
    offset: header.fragmentOffset,
    more: header.moreFragments,
    identification: header.identification,
  };
  return { ...common, fragment, transport: { kind: "other", payload } };
}

function fromIpv6(header: Ipv6Packet): IpPacket {
  const { source, destination, hopLimit } = header;
  const { protocol, payload, fragment } = ipv6UpperLayer(header);
  const common = {
    version: 6,
    header,
    source,
    destination,
    protocol,
    timeToLive: hopLimit,
    payload,
  } as const;
  if (fragment === undefined) return { ...common, transport: transportOf(common) };
  const whole = fragment.offset === 0 && !fragment.more;
  return { ...common, fragment, transport: whole ? transportOf(common) : { kind: "other", payload } };
}

function transportOf(packet: Omit<IpPacket, "transport">): Transport {
  const { version, protocol, payload } = packet;
  if (protocol === PROTOCOL.TCP) return { kind: "tcp", ...parseTcp(payload, packet) };
  if (protocol === PROTOCOL.UDP) return { kind: "udp", ...parseUdp(payload, packet) };
  if (protocol === PROTOCOL.ICMP && version === 4) return { kind: "icmp", ...parseIcmpv4(payload) };
  if (protocol === PROTOCOL.ICMPV6 && version === 6)
    return { kind: "icmpv6", ...parseIcmpv6(payload, packet) };
  if (protocol === PROTOCOL.IPIP || protocol === PROTOCOL.IPV6) {
    return { kind: "ip", inner: parseIpPacket(payload) };
  }
  return { kind: "other", payload };
}
