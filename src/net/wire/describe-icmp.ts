import { formatIp } from "../address.ts";
import { ICMPV4_TYPE, ICMPV6_TYPE, type IcmpMessage, isIcmpv4Error, isIcmpv6Error } from "./icmp.ts";
import { parseIpv4Packet } from "./ipv4.ts";
import { ipv6UpperLayer, parseIpv6Packet } from "./ipv6.ts";
import { MalformedPacketError, viewOf } from "./malformed.ts";
import { PROTOCOL } from "./protocol.ts";

const ICMPV4_NAMES = new Map<number, string>([
  [ICMPV4_TYPE.ECHO_REPLY, "echo reply"],
  [ICMPV4_TYPE.ECHO_REQUEST, "echo request"],
  [ICMPV4_TYPE.REDIRECT, "redirect"],
  [ICMPV4_TYPE.TIME_EXCEEDED, "time exceeded"],
  [ICMPV4_TYPE.PARAMETER_PROBLEM, "parameter problem"],
]);

const UNREACHABLE_NAMES = ["net", "host", "protocol", "port", "fragmentation needed"];

const ICMPV6_NAMES = new Map<number, string>([
  [ICMPV6_TYPE.UNREACHABLE, "unreachable"],
  [ICMPV6_TYPE.PACKET_TOO_BIG, "packet too big"],
  [ICMPV6_TYPE.TIME_EXCEEDED, "time exceeded"],
  [ICMPV6_TYPE.PARAMETER_PROBLEM, "parameter problem"],
  [ICMPV6_TYPE.ECHO_REQUEST, "echo request"],
  [ICMPV6_TYPE.ECHO_REPLY, "echo reply"],
  [ICMPV6_TYPE.ROUTER_SOLICITATION, "router solicitation"],
  [ICMPV6_TYPE.ROUTER_ADVERTISEMENT, "router advertisement"],
  [ICMPV6_TYPE.NEIGHBOUR_SOLICITATION, "neighbor solicitation"],
  [ICMPV6_TYPE.NEIGHBOUR_ADVERTISEMENT, "neighbor advertisement"],
]);

/** "echo request, id 1, seq 2, length 8", or an error with the packet it is about in brackets. */
export function describeIcmpv4(message: IcmpMessage): string {
  const { type, code, parameter } = message;
  if (type === ICMPV4_TYPE.UNREACHABLE) {
    const why = UNREACHABLE_NAMES[code] ?? `code ${code}`;
    const mtu = code === 4 ? `, mtu ${parameter & 0xffff}` : "";
    return `unreachable, ${why}${mtu}${quoted(message)}`;
  }
  const name = ICMPV4_NAMES.get(type) ?? `type ${type} code ${code}`;
  if (isIcmpv4Error(type)) return `${name}${quoted(message)}`;
  return name.startsWith("echo") ? name + echo(message) : `${name}, length ${message.payload.length + 8}`;
}

/** As {@link describeIcmpv4}, for ICMPv6. */
export function describeIcmpv6(message: IcmpMessage): string {
  const { type, code, parameter } = message;
  const name = ICMPV6_NAMES.get(type) ?? `type ${type} code ${code}`;
  if (type === ICMPV6_TYPE.PACKET_TOO_BIG) return `${name}, mtu ${parameter}${quoted(message)}`;
  if (type === ICMPV6_TYPE.UNREACHABLE) return `${name}, code ${code}${quoted(message)}`;
  if (isIcmpv6Error(type)) return `${name}${quoted(message)}`;
  return name.startsWith("echo") ? name + echo(message) : `${name}, length ${message.payload.length + 8}`;
}

function echo({ parameter, payload }: IcmpMessage): string {
  return `, id ${parameter >>> 16}, seq ${parameter & 0xffff}, length ${payload.length + 8}`;
}

/** The packet that an error quotes: it may be cut after eight bytes of its transport header. */
function quoted({ payload }: IcmpMessage): string {
  try {
    const { source, destination, protocol, transport } = quotedFlow(payload);
    const ports = protocol === PROTOCOL.TCP || protocol === PROTOCOL.UDP || protocol === PROTOCOL.SCTP;
    if (!ports || transport.length < 4) {
      return ` [${formatIp(source)} > ${formatIp(destination)} protocol ${protocol}]`;
    }
    const view = viewOf(transport);
    const from = `${formatIp(source)}.${view.getUint16(0)}`;
    const to = `${formatIp(destination)}.${view.getUint16(2)}`;
    return ` [${from} > ${to} protocol ${protocol}]`;
  } catch (error) {
    if (!(error instanceof MalformedPacketError)) throw error;
    return ` [${error.message}]`;
  }
}

function quotedFlow(bytes: Uint8Array) {
  if ((bytes[0] ?? 0) >> 4 === 4) {
    const packet = parseIpv4Packet(bytes);
    return { ...packet, transport: packet.fragmentOffset === 0 ? packet.payload : new Uint8Array(0) };
  }
  const packet = parseIpv6Packet(bytes);
  const { protocol, payload } = ipv6UpperLayer(packet);
  return { source: packet.source, destination: packet.destination, protocol, transport: payload };
}
