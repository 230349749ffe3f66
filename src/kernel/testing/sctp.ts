/** SCTP packets for tests (RFC 9260), by the names of their chunks. */
import { buildIp, endpoint } from "../../net/index.ts";
import { PROTOCOL_SCTP } from "../tables.ts";
import { frame, type Side } from "./frames.ts";

const TYPES: Readonly<Record<string, number>> = {
  DATA: 0,
  INIT: 1,
  "INIT-ACK": 2,
  SACK: 3,
  HEARTBEAT: 4,
  "HEARTBEAT-ACK": 5,
  ABORT: 6,
  SHUTDOWN: 7,
  "SHUTDOWN-ACK": 8,
  ERROR: 9,
  "COOKIE-ECHO": 10,
  "COOKIE-ACK": 11,
  ECNE: 12,
  CWR: 13,
  "SHUTDOWN-COMPLETE": 14,
  AUTH: 15,
  "ASCONF-ACK": 0x80,
  "FORWARD-TSN": 0xc0,
  ASCONF: 0xc1,
};

/** Bytes of chunks that are more than their header, not multiples of four among them. */
const LENGTHS: Readonly<Record<string, number>> = {
  DATA: 21,
  INIT: 20,
  "INIT-ACK": 24,
  SACK: 16,
  "COOKIE-ECHO": 13,
  ERROR: 8,
};

function chunk(name: string): Uint8Array {
  const type = TYPES[name];
  if (type === undefined) throw new Error(`no chunk ${name}`);
  const length = LENGTHS[name] ?? 4;
  const bytes = new Uint8Array((length + 3) & ~3);
  bytes[0] = type;
  bytes[3] = length;
  return bytes;
}

/** A packet with these chunks. Its checksum is 0. */
export function sctpFrame(side: Side, from: string, to: string, chunks: readonly string[]): Uint8Array {
  const [source, destination] = [endpoint(from), endpoint(to)];
  const parts = chunks.map(chunk);
  const packet = new Uint8Array(12 + parts.reduce((sum, { length }) => sum + length, 0));
  const view = new DataView(packet.buffer);
  view.setUint16(0, source.port);
  view.setUint16(2, destination.port);
  view.setUint32(4, 0x11223344);
  let at = 12;
  for (const part of parts) {
    packet.set(part, at);
    at += part.length;
  }
  const addresses = { source: source.address, destination: destination.address };
  return frame(side, buildIp(addresses, PROTOCOL_SCTP, packet));
}
