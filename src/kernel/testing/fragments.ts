/** Datagrams in parts, and directors that get them. */
import { REDIRECT_INGRESS, type SimulatedPacket } from "../../bpf/index.ts";
import { checksum } from "../../net/index.ts";
import type { Outcome, TestDirector } from "./director.ts";

const MORE = 0x2000;
const IPV6_HEADER = 40;
const FRAGMENT_HEADER = 8;
const FRAGMENT = 44;

function isIpv6(packet: Uint8Array): boolean {
  return packet[0]! >>> 4 === 6;
}

function part4(packet: Uint8Array, from: number, to: number, identification: number): Uint8Array {
  const header = (packet[0]! & 15) * 4;
  const bytes = new Uint8Array(header + to - from);
  bytes.set(packet.subarray(0, header));
  bytes.set(packet.subarray(header + from, header + to), header);
  const view = new DataView(bytes.buffer);
  const more = header + to < packet.length ? MORE : 0;
  view.setUint16(2, bytes.length);
  view.setUint16(4, identification);
  view.setUint16(6, more | (from / 8));
  view.setUint16(10, 0);
  view.setUint16(10, checksum(bytes.subarray(0, header)));
  return bytes;
}

function part6(packet: Uint8Array, from: number, to: number, identification: number): Uint8Array {
  const before = IPV6_HEADER + FRAGMENT_HEADER;
  const bytes = new Uint8Array(before + to - from);
  bytes.set(packet.subarray(0, IPV6_HEADER));
  bytes.set(packet.subarray(IPV6_HEADER + from, IPV6_HEADER + to), before);
  const view = new DataView(bytes.buffer);
  const more = IPV6_HEADER + to < packet.length ? 1 : 0;
  view.setUint16(4, bytes.length - IPV6_HEADER);
  bytes[6] = FRAGMENT;
  bytes[IPV6_HEADER] = packet[6]!;
  view.setUint16(IPV6_HEADER + 2, from | more);
  view.setUint32(IPV6_HEADER + 4, identification);
  return bytes;
}

/** An IP packet without extension headers as fragments with at most `size` (a multiple of 8) bytes of payload. */
export function fragmentsOf(packet: Uint8Array, size: number, identification = 1): Uint8Array[] {
  const part = isIpv6(packet) ? part6 : part4;
  const payload = packet.length - (isIpv6(packet) ? IPV6_HEADER : (packet[0]! & 15) * 4);
  const list: Uint8Array[] = [];
  for (let from = 0; from < payload; from += size) {
    list.push(part(packet, from, Math.min(from + size, payload), identification));
  }
  return list;
}

/** The packet that fragments, in any order, are parts of. Throws if any is missing, or one overlaps another. */
export function reassembled(parts: readonly Uint8Array[]): Uint8Array {
  const found = parts.map((bytes) => {
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    if (isIpv6(bytes)) {
      const field = view.getUint16(IPV6_HEADER + 2);
      const payload = bytes.subarray(IPV6_HEADER + FRAGMENT_HEADER);
      return { bytes, at: field & 0xfff8, more: (field & 1) !== 0, payload };
    }
    const field = view.getUint16(6);
    const payload = bytes.subarray((bytes[0]! & 15) * 4);
    return { bytes, at: (field & 0x1fff) * 8, more: (field & MORE) !== 0, payload };
  });
  found.sort((a, b) => a.at - b.at);
  let end = 0;
  for (const { at, payload } of found) {
    if (at !== end) throw new Error(`a part begins at ${at}, not at ${end}`);
    end += payload.length;
  }
  if (found.at(-1)!.more) throw new Error("the last part is missing");
  const first = found[0]!.bytes;
  const header = isIpv6(first) ? IPV6_HEADER : (first[0]! & 15) * 4;
  const whole = new Uint8Array(header + end);
  whole.set(first.subarray(0, header));
  for (const { at, payload } of found) whole.set(payload, header + at);
  const view = new DataView(whole.buffer);
  if (isIpv6(first)) {
    view.setUint16(4, end);
    whole[6] = first[IPV6_HEADER]!;
  } else {
    view.setUint16(2, whole.length);
    view.setUint16(6, 0);
    view.setUint16(10, 0);
    view.setUint16(10, checksum(whole.subarray(0, header)));
  }
  return whole;
}

/** Lets frames come in, one after the other, and after each what that had queued. The outcomes of all, in order. */
export function receiveAll(
  director: TestDirector,
  frames: readonly Uint8Array[],
  ifindex: number,
): Outcome[] {
  const outcomes: Outcome[] = [];
  const receive = (packet: SimulatedPacket): void => {
    const outcome = director.receivePacket(packet);
    outcomes.push(outcome);
    for (const { flags, packet: copy } of outcome.packet.clones)
      if (flags === REDIRECT_INGRESS) receive(copy);
  };
  for (const bytes of frames) {
    const outcome = director.receive(bytes, { ifindex });
    outcomes.push(outcome);
    for (const { flags, packet } of outcome.packet.clones) if (flags === REDIRECT_INGRESS) receive(packet);
  }
  return outcomes;
}
