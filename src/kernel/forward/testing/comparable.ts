import assert from "node:assert/strict";
import { checksum } from "../../../net/index.ts";

/** Ones' complement sum of two words. */
function sum(a: number, b: number): number {
  return ((a + b) & 0xffff) + ((a + b) >>> 16);
}

/**
 * An IP packet of a director as hex, without what is free: identifications that it chose itself (of fragmentable packets and of ICMP
 * errors), GUE's source port, and the checksums that show them.
 */
export function comparable(packet: Uint8Array, isGue = false): string {
  const ip = Uint8Array.from(packet);
  const view = new DataView(ip.buffer);
  const isIpv6 = ip[0]! >>> 4 === 6;
  const protocol = ip[isIpv6 ? 6 : 9]!;
  const isOwn = protocol === 4 || protocol === 41 || protocol === 47 || (isGue && protocol === 17);
  const isError = protocol === 1 && ip[8] === 64;
  if (!isIpv6 && (isError || (isOwn && (ip[6]! & 0x40) === 0))) {
    assert.equal(checksum(ip.subarray(0, 20)), 0, "the header's checksum");
    view.setUint16(4, 0);
    view.setUint16(10, 0);
  }
  const udp = isIpv6 ? 40 : 20;
  if (isGue && protocol === 17) {
    const port = view.getUint16(udp);
    assert.ok(port >= 32768 && port < 61000, `source port ${port}`);
    view.setUint16(udp, 0);
    const field = view.getUint16(udp + 6);
    if (field !== 0) view.setUint16(udp + 6, sum(field, port) % 0xffff);
  }
  return Buffer.from(ip).toString("hex");
}
