import type { Endpoint } from "../endpoint.ts";
import { echoParameter, emitIcmpv4, emitIcmpv6, ICMPV4_TYPE, ICMPV6_TYPE } from "./icmp.ts";
import { emitIpv4Packet, type Ipv4Fields } from "./ipv4.ts";
import { emitIpv6Packet } from "./ipv6.ts";
import { NO_BYTES } from "./malformed.ts";
import { type AddressPair, type EmitOptions, PROTOCOL } from "./protocol.ts";
import { emitTcp, type TcpFields, tcpFlags } from "./tcp.ts";
import { emitUdp } from "./udp.ts";

/** What the IP header of a built packet says; the version follows from the addresses. */
export type IpSettings = Omit<Partial<Ipv4Fields>, "source" | "destination" | "protocol" | "payload">;

/** The bytes of an IPv4 or IPv6 packet (fragments: IPv4 only). */
export function buildIp(
  addresses: AddressPair,
  protocol: number,
  payload: Uint8Array,
  settings: IpSettings = {},
): Uint8Array {
  const { source, destination } = addresses;
  if (source.length !== destination.length) throw new RangeError("both addresses must be of one IP version");
  if (source.length === 4) return emitIpv4Packet({ ...settings, source, destination, protocol, payload });
  return emitIpv6Packet({
    source,
    destination,
    nextHeader: protocol,
    payload,
    hopLimit: settings.timeToLive,
    trafficClass: settings.typeOfService,
  });
}

/** What a built TCP segment says; flags as letters, see tcpFlags. */
export type TcpSettings = Omit<Partial<TcpFields>, "sourcePort" | "destinationPort" | "flags"> &
  EmitOptions & { readonly ip?: IpSettings };

/** The bytes of an IP packet with a TCP segment: `buildTcp(client, service, "S")`. */
export function buildTcp(
  from: Endpoint,
  to: Endpoint,
  flags: string,
  settings: TcpSettings = {},
): Uint8Array {
  const { ip, checksum, ...fields } = settings;
  const addresses = { source: from.address, destination: to.address };
  const ports = { sourcePort: from.port, destinationPort: to.port };
  const segment = emitTcp({ ...fields, ...ports, flags: tcpFlags(flags) }, addresses, { checksum });
  return buildIp(addresses, PROTOCOL.TCP, segment, ip);
}

/** What a built UDP datagram says. */
export type UdpSettings = EmitOptions & { readonly payload?: Uint8Array; readonly ip?: IpSettings };

/** The bytes of an IP packet with a UDP datagram. */
export function buildUdp(from: Endpoint, to: Endpoint, settings: UdpSettings = {}): Uint8Array {
  const addresses = { source: from.address, destination: to.address };
  const fields = { sourcePort: from.port, destinationPort: to.port, payload: settings.payload ?? NO_BYTES };
  return buildIp(addresses, PROTOCOL.UDP, emitUdp(fields, addresses, settings), settings.ip);
}

/** What a built echo says. */
export interface EchoSettings {
  /** Default: false, a request. */
  readonly reply?: boolean;
  readonly identifier?: number;
  readonly sequence?: number;
  readonly payload?: Uint8Array;
  readonly ip?: IpSettings;
}

/** The bytes of an IP packet with an ICMP or ICMPv6 echo. */
export function buildEcho(addresses: AddressPair, settings: EchoSettings = {}): Uint8Array {
  const parameter = echoParameter(settings.identifier ?? 1, settings.sequence ?? 1);
  const message = { code: 0, parameter, payload: settings.payload ?? NO_BYTES };
  const { reply = false, ip } = settings;
  if (addresses.source.length === 4) {
    const type = reply ? ICMPV4_TYPE.ECHO_REPLY : ICMPV4_TYPE.ECHO_REQUEST;
    return buildIp(addresses, PROTOCOL.ICMP, emitIcmpv4({ ...message, type }), ip);
  }
  const type = reply ? ICMPV6_TYPE.ECHO_REPLY : ICMPV6_TYPE.ECHO_REQUEST;
  return buildIp(addresses, PROTOCOL.ICMPV6, emitIcmpv6({ ...message, type }, addresses), ip);
}
