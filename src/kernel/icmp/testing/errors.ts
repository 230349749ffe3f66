/** ICMP errors, made and read. */
import {
  buildIp,
  emitIcmpv4,
  emitIcmpv6,
  formatIp,
  ip,
  PROTOCOL,
  parseIpPacket,
} from "../../../net/index.ts";

export interface ErrorSettings {
  readonly type: number;
  readonly code?: number;
  readonly parameter?: number;
}

/** The IP packet of an ICMP error, of the addresses' family, about the packet `quoted`. */
export function buildError(
  from: string,
  to: string,
  quoted: Uint8Array,
  { type, code = 0, parameter = 0 }: ErrorSettings,
): Uint8Array {
  const addresses = { source: ip(from), destination: ip(to) };
  const message = { type, code, parameter, payload: quoted };
  if (addresses.source.length === 4) return buildIp(addresses, PROTOCOL.ICMP, emitIcmpv4(message));
  return buildIp(addresses, PROTOCOL.ICMPV6, emitIcmpv6(message, addresses));
}

function endpointText(address: Uint8Array, port: number): string {
  return address.length === 16 ? `[${formatIp(address)}]:${port}` : `${formatIp(address)}:${port}`;
}

/** What an error says. */
export interface ReadError {
  readonly from: string;
  readonly to: string;
  readonly type: number;
  readonly code: number;
  readonly parameter: number;
  /** Whether its checksum, and those of the IPv4 headers, are right. */
  readonly isIntact: boolean;
  /** "source:port destination:port" of the packet it quotes. */
  readonly about: string;
}

/** Takes an ICMP error about a TCP segment or UDP datagram, which it quotes whole, apart. Throws if it is none. */
export function readError(bytes: Uint8Array): ReadError {
  const packet = parseIpPacket(bytes);
  const { transport } = packet;
  if (transport.kind !== "icmp" && transport.kind !== "icmpv6")
    throw new Error(`a packet of ${transport.kind}`);
  const quoted = parseIpPacket(transport.payload);
  if (quoted.transport.kind !== "tcp" && quoted.transport.kind !== "udp")
    throw new Error("nothing is quoted");
  const { sourcePort, destinationPort } = quoted.transport;
  const isRight = ({ header }: typeof packet) => !("checksumValid" in header) || header.checksumValid;
  return {
    from: formatIp(packet.source),
    to: formatIp(packet.destination),
    type: transport.type,
    code: transport.code,
    parameter: transport.parameter,
    isIntact: transport.checksumValid && isRight(packet) && isRight(quoted),
    about: `${endpointText(quoted.source, sourcePort)} ${endpointText(quoted.destination, destinationPort)}`,
  };
}
