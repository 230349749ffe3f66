import { checksum, checksumHolds, pseudoHeaderSum } from "../checksum.ts";
import { MalformedPacketError, needBytes } from "./malformed.ts";
import { type AddressPair, type EmitOptions, PROTOCOL } from "./protocol.ts";

/*
 * RFC 768.   0  source port (2)   2  destination port (2)   4  length (2)   6  checksum (2)   8  payload
 */

/** A UDP datagram. */
export interface UdpDatagram {
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly payload: Uint8Array;
}

/** A UDP datagram, taken apart. */
export interface ParsedUdpDatagram extends UdpDatagram {
  /** The checksum field; 0 means none was made. */
  readonly checksum: number;
  /** Whether the checksum is right, or none was made. False, too, for what is cut short. */
  readonly checksumValid: boolean;
}

/** Takes a datagram apart. The payload is a view of `bytes`. Throws MalformedPacketError. */
export function parseUdp(bytes: Uint8Array, addresses: AddressPair): ParsedUdpDatagram {
  const view = needBytes(bytes, 8, "UDP");
  const length = view.getUint16(4);
  if (length < 8) throw new MalformedPacketError("UDP", `length ${length}`);
  const sum = pseudoHeaderSum(addresses.source, addresses.destination, PROTOCOL.UDP, length);
  const field = view.getUint16(6);
  const whole = length <= bytes.length;
  return {
    sourcePort: view.getUint16(0),
    destinationPort: view.getUint16(2),
    payload: bytes.subarray(8, length),
    checksum: field,
    checksumValid: field === 0 || (whole && checksumHolds(bytes.subarray(0, length), sum)),
  };
}

/** The bytes of a datagram, length and checksum filled in; `checksum: 0` sends without one. */
export function emitUdp(datagram: UdpDatagram, addresses: AddressPair, emit: EmitOptions = {}): Uint8Array {
  const bytes = new Uint8Array(8 + datagram.payload.length);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, datagram.sourcePort);
  view.setUint16(2, datagram.destinationPort);
  view.setUint16(4, bytes.length);
  bytes.set(datagram.payload, 8);
  const sum = pseudoHeaderSum(addresses.source, addresses.destination, PROTOCOL.UDP, bytes.length);
  view.setUint16(6, emit.checksum ?? (checksum(bytes, sum) || 0xffff));
  return bytes;
}
