/** The packet that is asked about, as a frame. */
import type { Link } from "../../linux/index.ts";
import {
  buildEcho,
  buildIp,
  buildTcp,
  buildUdp,
  type Endpoint,
  emitEthernet,
  PROTOCOL,
  TCP_FLAG,
} from "../../net/index.ts";
import { RequestError } from "../errors.ts";

/** Protocols by name, as `ExplainedPacket.protocol` has them. */
export const PROTOCOL_NUMBERS = {
  tcp: 6,
  udp: 17,
  sctp: 132,
  icmp: 1,
  icmpv6: 58,
  ah: 51,
  esp: 50,
} as const;
export type ProtocolName = keyof typeof PROTOCOL_NUMBERS;

/** Protocols that have ports. */
export const WITH_PORTS: ReadonlySet<ProtocolName> = new Set<ProtocolName>(["tcp", "udp", "sctp"]);

export const FLAG_NAMES = Object.keys(TCP_FLAG) as readonly (keyof typeof TCP_FLAG)[];
export type FlagName = (typeof FLAG_NAMES)[number];

/** A packet, described. */
export interface PacketRequest {
  readonly protocol: ProtocolName;
  /** Both of one family; ports are 0 where the protocol has none. */
  readonly source: Endpoint;
  readonly destination: Endpoint;
  /** TCP's. */
  readonly flags: readonly FlagName[];
  /** Bytes of the IP packet; null: the fewest that the protocol needs. */
  readonly length: number | null;
  readonly dontFragment: boolean;
}

/** A packet cannot be that short, or is longer than IP has it. */
export class PacketLengthError extends RequestError {
  override readonly name = "PacketLengthError";
  readonly code = "PACKET_LENGTH";
}

const LONGEST = 65535;
const INIT = 1;
const INIT_LENGTH = 20;
const SCTP_HEADER = 12;
/** An authentication header with 12 bytes of authentication data (RFC 4302), or as many bytes of ESP. */
const SECURITY_HEADER = 24;

/** The bytes of the IP packet. Throws {@link PacketLengthError}. */
export function buildPacket(request: PacketRequest): Uint8Array {
  const shortest = build(request, 0);
  const { length } = request;
  if (length === null || length === shortest.length) return shortest;
  if (length < shortest.length || length > LONGEST) {
    throw new PacketLengthError(`such a packet has ${shortest.length} to ${LONGEST} bytes, not ${length}`);
  }
  return build(request, length - shortest.length);
}

function build(request: PacketRequest, more: number): Uint8Array {
  const { protocol, source, destination, flags, dontFragment } = request;
  const payload = new Uint8Array(more);
  const ip = { dontFragment };
  const addresses = { source: source.address, destination: destination.address };
  switch (protocol) {
    case "tcp": {
      const letters = flags.map((name) => (name === "CWR" ? "C" : name[0]!)).join("");
      return buildTcp(source, destination, letters, { payload, ip });
    }
    case "udp":
      return buildUdp(source, destination, { payload, ip });
    case "sctp":
      return buildIp(addresses, PROTOCOL_NUMBERS.sctp, initOf(source.port, destination.port, more), ip);
    case "icmp":
    case "icmpv6":
      return buildEcho(addresses, { payload, ip });
    default:
      return buildIp(addresses, PROTOCOL_NUMBERS[protocol], new Uint8Array(SECURITY_HEADER + more), ip);
  }
}

/** An SCTP packet with an INIT chunk (RFC 9260). Its checksum is not made: nobody looks at it. */
function initOf(source: number, destination: number, more: number): Uint8Array {
  const bytes = new Uint8Array(SCTP_HEADER + INIT_LENGTH + more);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, source);
  view.setUint16(2, destination);
  bytes[SCTP_HEADER] = INIT;
  view.setUint16(SCTP_HEADER + 2, INIT_LENGTH);
  return bytes;
}

/** A locally administered address for whoever is not known: 02:00:00:00:00:01. */
const STRANGER = Uint8Array.of(2, 0, 0, 0, 0, 1);

/** A frame with an IP packet, to an interface: to its own hardware address, unless another is said. */
export function frameOf(packet: Uint8Array, link: Link, destination: Uint8Array | null): Uint8Array {
  const own = link.mac.length === 6 ? link.mac : new Uint8Array(6);
  return emitEthernet({
    source: STRANGER,
    destination: destination ?? own,
    type: packet[0]! >>> 4 === 6 ? 0x86dd : 0x0800,
    payload: packet,
  });
}

/** The name of an IP protocol, or its number. */
export function nameOfProtocol(number: number): string {
  if (number === PROTOCOL.ICMPV6) return "icmp";
  const found = Object.entries(PROTOCOL_NUMBERS).find(([, each]) => each === number);
  return found === undefined ? String(number) : found[0];
}
