import { checksum, checksumHolds, pseudoHeaderSum } from "../checksum.ts";
import { needBytes } from "./malformed.ts";
import { type AddressPair, type EmitOptions, PROTOCOL } from "./protocol.ts";

/*
 * RFC 792 (ICMP) and RFC 4443 (ICMPv6) share their layout; ICMPv6's checksum includes a pseudo-header.
 *
 *   0  type   1  code   2  checksum (2)   4  parameter (4): its meaning depends on the type   8  payload
 *
 * The parameter of an echo is its identifier and sequence number; of "fragmentation needed" the next hop's MTU in
 * its low half; of ICMPv6's "packet too big" the MTU. The payload of an error is the packet that it is about.
 */

/** Types of ICMP messages. */
export const ICMPV4_TYPE = {
  ECHO_REPLY: 0,
  UNREACHABLE: 3,
  REDIRECT: 5,
  ECHO_REQUEST: 8,
  TIME_EXCEEDED: 11,
  PARAMETER_PROBLEM: 12,
} as const;

/** Codes of ICMPV4_TYPE.UNREACHABLE. */
export const ICMPV4_UNREACHABLE = { NET: 0, HOST: 1, PROTOCOL: 2, PORT: 3, FRAGMENTATION_NEEDED: 4 } as const;

/** Types of ICMPv6 messages, those of neighbour discovery (RFC 4861) included. */
export const ICMPV6_TYPE = {
  UNREACHABLE: 1,
  PACKET_TOO_BIG: 2,
  TIME_EXCEEDED: 3,
  PARAMETER_PROBLEM: 4,
  ECHO_REQUEST: 128,
  ECHO_REPLY: 129,
  ROUTER_SOLICITATION: 133,
  ROUTER_ADVERTISEMENT: 134,
  NEIGHBOUR_SOLICITATION: 135,
  NEIGHBOUR_ADVERTISEMENT: 136,
} as const;

/** An ICMP or ICMPv6 message. */
export interface IcmpMessage {
  readonly type: number;
  readonly code: number;
  /** The four bytes after the checksum, as one number in network order. See the layout above. */
  readonly parameter: number;
  readonly payload: Uint8Array;
}

/** An ICMP or ICMPv6 message, taken apart. */
export interface ParsedIcmpMessage extends IcmpMessage {
  readonly checksum: number;
  readonly checksumValid: boolean;
}

/** Takes an ICMP message apart. The payload is a view of `bytes`. Throws MalformedPacketError. */
export function parseIcmpv4(bytes: Uint8Array): ParsedIcmpMessage {
  return parse(bytes, 0, "ICMP");
}

/** Takes an ICMPv6 message apart. The payload is a view of `bytes`. Throws MalformedPacketError. */
export function parseIcmpv6(bytes: Uint8Array, addresses: AddressPair): ParsedIcmpMessage {
  return parse(bytes, icmpv6Sum(addresses, bytes.length), "ICMPv6");
}

function parse(bytes: Uint8Array, sum: number, protocol: string): ParsedIcmpMessage {
  const view = needBytes(bytes, 8, protocol);
  return {
    type: bytes[0]!,
    code: bytes[1]!,
    parameter: view.getUint32(4),
    payload: bytes.subarray(8),
    checksum: view.getUint16(2),
    checksumValid: checksumHolds(bytes, sum),
  };
}

/** The bytes of an ICMP message, checksum filled in. */
export function emitIcmpv4(message: IcmpMessage, emit: EmitOptions = {}): Uint8Array {
  return emitMessage(message, 0, emit);
}

/** The bytes of an ICMPv6 message, checksum filled in. */
export function emitIcmpv6(message: IcmpMessage, addresses: AddressPair, emit: EmitOptions = {}): Uint8Array {
  return emitMessage(message, icmpv6Sum(addresses, 8 + message.payload.length), emit);
}

function emitMessage(message: IcmpMessage, sum: number, emit: EmitOptions): Uint8Array {
  const bytes = new Uint8Array(8 + message.payload.length);
  const view = new DataView(bytes.buffer);
  bytes[0] = message.type;
  bytes[1] = message.code;
  view.setUint32(4, message.parameter);
  bytes.set(message.payload, 8);
  view.setUint16(2, emit.checksum ?? checksum(bytes, sum));
  return bytes;
}

function icmpv6Sum(addresses: AddressPair, length: number): number {
  return pseudoHeaderSum(addresses.source, addresses.destination, PROTOCOL.ICMPV6, length);
}

/** Whether an ICMP message is an error, whose payload is the packet that it is about. */
export function isIcmpv4Error(type: number): boolean {
  return (
    type === ICMPV4_TYPE.UNREACHABLE ||
    type === ICMPV4_TYPE.TIME_EXCEEDED ||
    type === ICMPV4_TYPE.PARAMETER_PROBLEM ||
    type === ICMPV4_TYPE.REDIRECT ||
    type === 4
  );
}

/** Whether an ICMPv6 message is an error, whose payload is the packet that it is about. */
export function isIcmpv6Error(type: number): boolean {
  return type < 128;
}

/** The parameter of an echo request or reply. */
export function echoParameter(identifier: number, sequence: number): number {
  return identifier * 0x1_0000 + sequence;
}
