/** What a device, or the kernel before it, makes of a packet: checksums filled in, super-packets cut into segments. */
import assert from "node:assert/strict";
import type { SimulatedPacket } from "../../bpf/index.ts";
import { checksum, pseudoHeaderSum } from "../../net/index.ts";

const LINK = 14;

/** A TCP packet of the simulator as IP packets on the wire, all checksums complete. Its IP headers have no options. */
export function onTheWire(packet: SimulatedPacket): Uint8Array[] {
  const ip = Uint8Array.from(packet.bytes.subarray(LINK));
  const view = new DataView(ip.buffer);
  const isIpv6 = ip[0]! >>> 4 === 6;
  const transport = isIpv6 ? 40 : 20;
  const length = isIpv6 ? 40 + view.getUint16(4) : view.getUint16(2);
  if (!isIpv6) assert.equal(checksum(ip.subarray(0, 20)), 0, "the IP header's checksum");
  const { checksum: state } = packet;
  if (state.kind === "partial") assert.equal(state.start, LINK + transport, "where the device sums from");
  if (packet.gsoSize === 0) {
    assert.notEqual(state.kind, "complete");
    if (state.kind === "partial") complete(ip.subarray(0, length), transport);
    return [ip.subarray(0, length)];
  }
  assert.equal(length, ip.length);
  const header = transport + (ip[transport + 12]! >>> 4) * 4;
  if (state.kind === "partial") {
    const own = view.getUint16(transport + 16);
    assert.equal(own, pseudoOf(ip, transport), "the sum of the pseudo-header");
  }
  const segments: Uint8Array[] = [];
  for (let at = header; at < ip.length; at += packet.gsoSize) {
    const part = ip.subarray(at, at + packet.gsoSize);
    const segment = Uint8Array.from([...ip.subarray(0, header), ...part]);
    const fields = new DataView(segment.buffer);
    fields.setUint32(transport + 4, (fields.getUint32(transport + 4) + at - header) >>> 0);
    // FIN and PSH are the last one's.
    if (at + packet.gsoSize < ip.length) segment[transport + 13] = segment[transport + 13]! & ~9;
    if (isIpv6) fields.setUint16(4, segment.length - 40);
    else {
      fields.setUint16(2, segment.length);
      fields.setUint16(10, 0);
      fields.setUint16(10, checksum(segment.subarray(0, 20)));
    }
    complete(segment, transport);
    segments.push(segment);
  }
  return segments;
}

/** The sum of a TCP packet's pseudo-header, as a device is given it. */
export function pseudoOf(ip: Uint8Array, transport: number): number {
  const isIpv6 = transport === 40;
  const pair = isIpv6
    ? { source: ip.subarray(8, 24), destination: ip.subarray(24, 40) }
    : { source: ip.subarray(12, 16), destination: ip.subarray(16, 20) };
  return pseudoHeaderSum(pair.source, pair.destination, 6, ip.length - transport);
}

function complete(ip: Uint8Array, transport: number): void {
  const view = new DataView(ip.buffer, ip.byteOffset, ip.length);
  view.setUint16(transport + 16, 0);
  view.setUint16(transport + 16, checksum(ip.subarray(transport), pseudoOf(ip, transport)));
}
