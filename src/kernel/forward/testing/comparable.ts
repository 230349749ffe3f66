import assert from "node:assert/strict";
import { checksum } from "../../../net/index.ts";

const TUNNELS = [4, 41, 47];
const UDP = 17;
const FRAGMENT = 44;
const ICMPV6 = 58;

/** Ones' complement sum of two words. */
function sum(a: number, b: number): number {
  return ((a + b) & 0xffff) + ((a + b) >>> 16);
}

/** Clears the source port of a UDP header, and takes it out of the checksum. */
function clearPort(view: DataView, at: number): void {
  const port = view.getUint16(at);
  assert.ok(port >= 32768 && port < 61000, `source port ${port}`);
  view.setUint16(at, 0);
  const field = view.getUint16(at + 6);
  if (field !== 0) view.setUint16(at + 6, sum(field, port) % 0xffff);
}

/**
 * An IP packet of a director as hex, without what is free: identifications that it chose itself (of fragmentable packets and of ICMP
 * errors), flow labels of ICMPv6 errors, GUE's source port, and the checksums that show them.
 */
export function comparable(packet: Uint8Array, isGue = false): string {
  const ip = Uint8Array.from(packet);
  const view = new DataView(ip.buffer);
  const hex = () => Buffer.from(ip).toString("hex");
  if (ip[0]! >>> 4 === 6) {
    let [protocol, at] = [ip[6]!, 40];
    if (protocol === FRAGMENT) {
      view.setUint32(44, 0);
      [protocol, at] = [view.getUint16(42) > 1 ? FRAGMENT : ip[40]!, 48];
    }
    if (isGue && protocol === UDP) clearPort(view, at);
    if (protocol === ICMPV6) view.setUint16(2, 0);
    if (protocol === ICMPV6) ip[1] = ip[1]! & 0xf0;
    return hex();
  }
  const protocol = ip[9]!;
  const isOwn = TUNNELS.includes(protocol) || (isGue && protocol === UDP);
  const isError = protocol === 1 && ip[8] === 64;
  if (isError || (isOwn && (ip[6]! & 0x40) === 0)) {
    assert.equal(checksum(ip.subarray(0, 20)), 0, "the header's checksum");
    view.setUint16(4, 0);
    view.setUint16(10, 0);
  }
  if (isGue && protocol === UDP && (view.getUint16(6) & 0x1fff) === 0) clearPort(view, 20);
  return hex();
}
