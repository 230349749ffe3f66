import { formatIp } from "../address.ts";
import { formatMac } from "../mac.ts";
import { ARP_OPERATION, parseArp } from "./arp.ts";
import { describeIcmpv4, describeIcmpv6 } from "./describe-icmp.ts";
import { parseEthernet } from "./ethernet.ts";
import { type IpPacket, parseIpPacket } from "./layers.ts";
import { MalformedPacketError } from "./malformed.ts";
import { ETHERTYPE } from "./protocol.ts";
import { formatTcpFlags, type TcpSegment } from "./tcp.ts";
import { parseTcpOptions, type TcpOption } from "./tcp-options.ts";

/** What the first byte of a packet belongs to. */
export type LinkLayer = "ethernet" | "ip";

/**
 * A packet in one line, much as tcpdump prints it: for messages of failing tests and for people. Never throws;
 * what cannot be read is said.
 */
export function describePacket(bytes: Uint8Array, link: LinkLayer = "ethernet"): string {
  try {
    return link === "ethernet" ? describeFrame(bytes) : describeIpPacket(parseIpPacket(bytes));
  } catch (error) {
    if (!(error instanceof MalformedPacketError)) throw error;
    return `${error.message}, ${bytes.length} bytes in all`;
  }
}

function describeFrame(bytes: Uint8Array): string {
  const frame = parseEthernet(bytes);
  const tag = frame.vlan === undefined ? "" : `vlan ${frame.vlan}, `;
  if (frame.type === ETHERTYPE.IPV4 || frame.type === ETHERTYPE.IPV6) {
    return tag + describeIpPacket(parseIpPacket(frame.payload));
  }
  if (frame.type === ETHERTYPE.ARP) return tag + describeArp(frame.payload);
  const type = frame.type.toString(16).padStart(4, "0");
  const addresses = `${formatMac(frame.source)} > ${formatMac(frame.destination)}`;
  return `${tag}${addresses}, ethertype 0x${type}, length ${bytes.length}`;
}

function describeArp(bytes: Uint8Array): string {
  const { operation, senderIp, senderMac, targetIp } = parseArp(bytes);
  if (operation === ARP_OPERATION.REQUEST)
    return `ARP, who-has ${formatIp(targetIp)} tell ${formatIp(senderIp)}`;
  return `ARP, reply ${formatIp(senderIp)} is-at ${formatMac(senderMac)}`;
}

/** An IP packet that was taken apart, in one line. */
export function describeIpPacket(packet: IpPacket): string {
  const { transport, fragment } = packet;
  const name = packet.version === 4 ? "IP" : "IP6";
  const marks: string[] = [];
  if (fragment !== undefined) {
    marks.push(`frag id ${fragment.identification} offset ${fragment.offset}${fragment.more ? "+" : ""}`);
  }
  if ("checksumValid" in packet.header && !packet.header.checksumValid) marks.push("bad ip cksum");
  if ("checksumValid" in transport && !transport.checksumValid && !packet.header.truncated) {
    marks.push(`bad ${transport.kind} cksum`);
  }
  const after = marks.length === 0 ? "" : ` (${marks.join(", ")})`;
  return `${name} ${endpoints(packet)}: ${describeTransport(packet)}${after}`;
}

function endpoints({ source, destination, transport }: IpPacket): string {
  if (transport.kind !== "tcp" && transport.kind !== "udp") {
    return `${formatIp(source)} > ${formatIp(destination)}`;
  }
  const { sourcePort, destinationPort } = transport;
  return `${formatIp(source)}.${sourcePort} > ${formatIp(destination)}.${destinationPort}`;
}

function describeTransport({ protocol, transport }: IpPacket): string {
  switch (transport.kind) {
    case "tcp":
      return describeTcp(transport);
    case "udp":
      return `UDP, length ${transport.payload.length}`;
    case "icmp":
      return `ICMP ${describeIcmpv4(transport)}`;
    case "icmpv6":
      return `ICMP6, ${describeIcmpv6(transport)}`;
    case "ip":
      return describeIpPacket(transport.inner);
    case "other":
      return `protocol ${protocol}, length ${transport.payload.length}`;
  }
}

function describeTcp(segment: TcpSegment): string {
  const letters = formatTcpFlags(segment.flags & ~0x10);
  const flags = `${letters}${segment.flags & 0x10 ? "." : ""}` || "none";
  const length = segment.payload.length;
  const range =
    length > 0 ? `${segment.sequence}:${(segment.sequence + length) % 2 ** 32}` : segment.sequence;
  const acknowledgement = segment.flags & 0x10 ? `, ack ${segment.acknowledgement}` : "";
  const options = parseTcpOptions(segment.options);
  const list = options.length === 0 ? "" : `, options [${options.map(describeTcpOption).join(",")}]`;
  return `Flags [${flags}], seq ${range}${acknowledgement}, win ${segment.window}${list}, length ${length}`;
}

function describeTcpOption(option: TcpOption): string {
  switch (option.kind) {
    case "noop":
      return "nop";
    case "mss":
      return `mss ${option.size}`;
    case "windowScale":
      return `wscale ${option.shift}`;
    case "sackPermitted":
      return "sackOK";
    case "sack":
      return `sack ${option.blocks.map(({ left, right }) => `{${left}:${right}}`).join("")}`;
    case "timestamps":
      return `TS val ${option.value} ecr ${option.echo}`;
    case "unknown":
      return `unknown-${option.code}`;
  }
}
