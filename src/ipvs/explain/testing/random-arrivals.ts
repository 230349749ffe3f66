/** Random packets for a random director: new flows, packets of connections in both directions, and what is none of its business. */
import type { Random } from "../../../kernel/fuzz/random.ts";
import { CLIENT_SIDE, SERVER_SIDE } from "../../../kernel/testing/director.ts";
import { frame } from "../../../kernel/testing/frames.ts";
import {
  LOCAL,
  MARKS,
  PORTS,
  SERVER_PORTS,
  serverAddress,
  VIRTUAL,
  withPort,
} from "../../../kernel/testing/random-configuration.ts";
import { buildEcho, buildIp, buildTcp, buildUdp, endpoint } from "../../../net/index.ts";
import type { ConnectionEntry, Endpoint, ServiceKey } from "../../model.ts";

/** A packet that comes in. */
export interface RandomArrival {
  readonly frame: Uint8Array;
  /** CLIENT_SIDE or SERVER_SIDE. */
  readonly side: number;
  readonly mark: number;
}

const SCTP = 132;
const FLAGS = ["S", "S", "S", "SA", "A", "A", "PA", "FA", "R", "F", "", "SR"];
const NOT_OURS = { 4: ["192.0.2.77", "203.0.113.9"], 6: ["2001:db8:f::77", "2001:db8:77::9"] } as const;
/** Of the frame, the last byte of its source address; and the first of its destination. */
const SOURCE_END = 11;
/** Payloads that with all headers are longer than the MTU towards the servers, and that are not. */
const LONG = { [CLIENT_SIDE]: 1380, [SERVER_SIDE]: 1300 } as Readonly<Record<number, number>>;

/** `entries`: connections that there are. */
export function randomArrival(random: Random, entries: readonly ConnectionEntry[]): RandomArrival {
  const family = random.once(3) ? 6 : 4;
  const known = entries.filter(({ template }) => !template);
  const mark = random.once(4) ? random.of(MARKS) : 0;
  if (known.length > 0 && !random.once(3)) return ofConnection(random, random.of(known), mark);
  if (random.once(8)) {
    const from = withPort(serverAddress(family, 1 + random.below(5)), random.of(SERVER_PORTS));
    const local = random.once(2) ? random.of(LOCAL[family]) : clientAddress(random, family);
    return arrival(
      random,
      SERVER_SIDE,
      ipPacket(random, SERVER_SIDE, from, withPort(local, clientPort(random))),
      mark,
    );
  }
  const to = random.once(8) ? random.of(NOT_OURS[family]) : random.of(VIRTUAL[family]);
  const from = withPort(clientAddress(random, family), clientPort(random));
  const packet = ipPacket(random, CLIENT_SIDE, from, withPort(to, random.once(12) ? 81 : random.of(PORTS)));
  return arrival(random, CLIENT_SIDE, packet, mark);
}

/** A packet from a client to one of these services (if there are any), which opens a connection if anything does. */
export function randomOpening(random: Random, services: readonly ServiceKey[]): RandomArrival {
  const key = services.length === 0 ? null : random.of(services);
  const family = key?.family ?? 4;
  const from = withPort(clientAddress(random, family), clientPort(random));
  const address = key?.kind === "address" ? key.address : random.of(VIRTUAL[family]);
  const port = key?.kind === "address" && key.port !== 0 ? key.port : random.of(PORTS);
  const protocol = key?.kind === "address" ? key.protocol : random.of(["tcp", "udp"] as const);
  const mark = key?.kind === "mark" ? key.mark : random.once(6) ? random.of(MARKS) : 0;
  const to = withPort(address, port);
  const opening = protocol === "tcp" ? "SYN" : protocol.toUpperCase();
  return arrival(random, CLIENT_SIDE, ipPacket(random, CLIENT_SIDE, from, to, opening), mark);
}

/** A client's next packet, or, if answers pass by the director, maybe the server's. */
function ofConnection(random: Random, entry: ConnectionEntry, mark: number): RandomArrival {
  const text = ({ address, port }: Endpoint) => withPort(address, port);
  const isSeen = entry.method === "masquerade" || entry.method === "fullnat";
  const [from, to, side] =
    isSeen && random.once(2)
      ? [text(entry.destination), text(entry.local), SERVER_SIDE]
      : [text(entry.source), text(entry.virtual), CLIENT_SIDE];
  return arrival(random, side, ipPacket(random, side, from, to, entry.protocol), random.once(2) ? mark : 0);
}

function arrival(random: Random, side: number, packet: Uint8Array, mark: number): RandomArrival {
  const bytes = frame(side === CLIENT_SIDE ? "client" : "server", packet);
  bytes[SOURCE_END] = mark;
  // Now and then it is for another host on the wire.
  if (random.once(40)) bytes[1] = bytes[1]! ^ 0x10;
  return { frame: bytes, side, mark };
}

function ipPacket(random: Random, side: number, from: string, to: string, protocol?: string): Uint8Array {
  const [source, destination] = [endpoint(from), endpoint(to)];
  const addresses = { source: source.address, destination: destination.address };
  const settings = {
    payload: new Uint8Array(random.once(6) ? LONG[side]! : random.below(30)).fill(random.below(256)),
    ip: {
      dontFragment: random.once(2),
      timeToLive: random.once(20) ? 1 : 64,
      identification: random.below(999),
    },
  };
  const chosen = protocol ?? random.of(["TCP", "TCP", "TCP", "UDP", "UDP", "SCTP", "ICMP", "ESP"]);
  switch (chosen) {
    case "UDP":
      return buildUdp(source, destination, settings);
    case "SCTP": {
      const bytes = new Uint8Array(32);
      const view = new DataView(bytes.buffer);
      view.setUint16(0, source.port);
      view.setUint16(2, destination.port);
      bytes[12] = random.once(2) ? 1 : random.below(15);
      bytes[15] = 20;
      return buildIp(addresses, SCTP, bytes, settings.ip);
    }
    case "ICMP":
      return buildEcho(addresses, settings);
    case "ESP":
      return buildIp(addresses, 50, settings.payload, settings.ip);
    default:
      return buildTcp(source, destination, chosen === "SYN" ? "S" : random.of(FLAGS), settings);
  }
}

function clientAddress(random: Random, family: 4 | 6): string {
  const number = 1 + random.below(5);
  return family === 4 ? `198.18.0.${number}` : `2001:db8:1::${number}`;
}

function clientPort(random: Random): number {
  return 40000 + random.below(12);
}
