/** Frames that hold tunnels, as a director sends them, and what a real server is to see of them. */
import {
  addToSum,
  buildIp,
  buildTcp,
  buildUdp,
  emitEthernet,
  emitUdp,
  endpoint,
  foldSum,
  type IpSettings,
  parseIp,
  pseudoHeaderSum,
} from "../../../net/index.ts";

export const GUE_PORT = 6080;
export const DIRECTOR_MAC = Uint8Array.of(2, 0, 0, 0, 0, 3);
export const SERVER_MAC = Uint8Array.of(2, 0, 0, 0, 0, 4);

const address = (text: string): Uint8Array => parseIp(text)!;

/** The tunnel's ends, by IP version. */
const OUTER = {
  4: { source: address("10.0.0.254"), destination: address("10.0.0.1") },
  6: { source: address("2001:db8:a::fe"), destination: address("2001:db8:a::1") },
} as const;

export type Version = 4 | 6;

/** A client's packet to a virtual address. */
export function clientPacket(
  version: Version,
  transport: "tcp" | "udp",
  size = 100,
  ip: IpSettings = {},
): Uint8Array {
  const payload = Uint8Array.from({ length: size }, (_, i) => (i * 7 + size) & 0xff);
  const [from, to] =
    version === 4 ? ["198.18.0.10:40000", "192.0.2.1:80"] : ["[2001:db8:1::10]:40000", "[2001:db8:f::1]:80"];
  if (transport === "udp") return buildUdp(endpoint(from), endpoint(to), { payload, ip });
  return buildTcp(endpoint(from), endpoint(to), "PA", { payload, ip });
}

/** The version of the IP packet in these bytes. */
export function versionOf(packet: Uint8Array): Version {
  return packet[0]! >> 4 === 6 ? 6 : 4;
}

function words(...values: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(values.length * 2);
  const view = new DataView(bytes.buffer);
  for (const [i, value] of values.entries()) view.setUint16(2 * i, value);
  return bytes;
}

function joined(...parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

function datagram(
  outer: Version,
  payload: Uint8Array,
  checksum?: number,
): [protocol: number, bytes: Uint8Array] {
  const fields = { sourcePort: 50_000, destinationPort: GUE_PORT, payload };
  return [17, emitUdp(fields, OUTER[outer], checksum === undefined ? {} : { checksum })];
}

const inIp = (inner: Uint8Array): number => (versionOf(inner) === 4 ? 4 : 41);
const etherType = (inner: Uint8Array): number => (versionOf(inner) === 4 ? 0x0800 : 0x86dd);

/** Where the transport header of a packet without options begins. */
const transportAt = (inner: Uint8Array): number => (versionOf(inner) === 4 ? 20 : 40);

/** The packet as a sender hands it on whose checksum is left to the receiver: its field holds the pseudo-header's sum. */
function withoutChecksum(inner: Uint8Array): { bytes: Uint8Array; start: number; field: number } {
  const bytes = inner.slice();
  const start = transportAt(inner);
  const protocol = versionOf(inner) === 4 ? inner[9]! : inner[6]!;
  const addresses = versionOf(inner) === 4 ? [12, 16, 20] : [8, 24, 40];
  const [source, destination] = [0, 1].map((i) => inner.subarray(addresses[i], addresses[i + 1])) as [
    Uint8Array,
    Uint8Array,
  ];
  const field = start + (protocol === 17 ? 6 : 16);
  new DataView(bytes.buffer).setUint16(
    field,
    pseudoHeaderSum(source, destination, protocol, inner.length - start),
  );
  return { bytes, start, field };
}

/** Ways of putting a packet into a tunnel: the outer header's protocol, and what it carries. */
export const KINDS: Readonly<Record<string, (outer: Version, inner: Uint8Array) => [number, Uint8Array]>> = {
  ipip: (_, inner) => [inIp(inner), inner],
  gre: (_, inner) => [47, joined(words(0, etherType(inner)), inner)],
  "gre with checksum, key and sequence": (_, inner) => [
    47,
    joined(words(0xb000, etherType(inner), 0x1234, 0, 0, 7, 0, 1), inner),
  ],
  gue: (outer, inner) => datagram(outer, joined(Uint8Array.of(0, inIp(inner), 0, 0), inner), 0),
  "gue with checksum": (outer, inner) => datagram(outer, joined(Uint8Array.of(0, inIp(inner), 0, 0), inner)),
  "gue version 1": (outer, inner) => datagram(outer, inner),
  "gue with private flags": (outer, inner) =>
    datagram(outer, joined(Uint8Array.of(1, inIp(inner), 0, 1, 0, 0, 0, 0), inner)),
  "gue with remote checksum": (outer, inner) => remote(outer, inner),
  "gue with remote checksum and none of its own": (outer, inner) => remote(outer, inner, 0),
};

function remote(outer: Version, inner: Uint8Array, checksum?: number): [number, Uint8Array] {
  const { bytes, start, field } = withoutChecksum(inner);
  const header = Uint8Array.of(2, inIp(inner), 0, 1, 0x80, 0, 0, 0);
  return datagram(outer, joined(header, words(start, field), bytes), checksum);
}

/** The frame of a tunnel. */
export function tunnelFrame(
  kind: string,
  outer: Version,
  inner: Uint8Array,
  ip: IpSettings = {},
): Uint8Array {
  const [protocol, payload] = KINDS[kind]!(outer, inner);
  return emitEthernet({
    source: DIRECTOR_MAC,
    destination: SERVER_MAC,
    type: outer === 4 ? 0x0800 : 0x86dd,
    payload: buildIp(OUTER[outer], protocol, payload, ip),
  });
}

/** The frame as it would have come without a tunnel. */
export function plainFrame(packet: Uint8Array): Uint8Array {
  return emitEthernet({
    source: DIRECTOR_MAC,
    destination: SERVER_MAC,
    type: etherType(packet),
    payload: packet,
  });
}

/** The 32-bit sum of everything behind the Ethernet header, as a device gives it: of words in memory, little-endian. */
export function completeSum(frame: Uint8Array): number {
  const sum = foldSum(addToSum(frame.subarray(14)));
  return ((sum & 0xff) << 8) | (sum >>> 8);
}

/** The packet as a router hands it on: one hop less. */
export function oneHopOn(packet: Uint8Array): Uint8Array {
  const bytes = Uint8Array.from(packet);
  if (versionOf(packet) === 6) {
    bytes[7]! -= 1;
    return bytes;
  }
  const view = new DataView(bytes.buffer);
  bytes[8]! -= 1;
  view.setUint16(10, 0);
  view.setUint16(10, 0xffff ^ addToSum(bytes.subarray(0, 4 * (bytes[0]! & 15))));
  return bytes;
}
