/** Real wires to a director in a test network, on which TCP comes as from a local sender: checksums unfinished, long segments whole. */
import assert from "node:assert/strict";
import { SimulatedPacket } from "../../bpf/index.ts";
import { GSO_TYPE, openPacketSocket, type PacketSocket } from "../../linux/index.ts";
import { type IpPacket, parseIpPacket, type TcpSegment } from "../../net/index.ts";
import type { Side } from "./frames.ts";
import type { TestNetwork } from "./network.ts";
import { onTheWire, pseudoOf } from "./on-the-wire.ts";

/** What came out as one TCP segment. */
export interface Received {
  readonly packet: IpPacket;
  readonly segment: TcpSegment;
}

const LINK = 14;
/** How long to wait for what comes out, ms. */
const PATIENCE = 100;

export class SuperPacketWires {
  readonly #wires: Readonly<Record<Side, PacketSocket>>;
  readonly #segment: number;

  /** `segment`: the most payload of a packet, bytes; what is longer is sent as a super-packet. */
  constructor(network: TestNetwork, segment: number) {
    this.#segment = segment;
    this.#wires = {
      client: openPacketSocket("c0", `${network.name}-out`),
      server: openPacketSocket("r0", `${network.name}-out`),
    };
  }

  /** Sends a TCP frame, whose checksum is left to the receiver; the TCP segments that come out at the other side. */
  pass(side: Side, frame: Uint8Array): Received[] {
    const other = this.#wires[side === "client" ? "server" : "client"];
    other.receiveAll(0);
    const isIpv6 = frame[LINK]! >>> 4 === 6;
    const transport = isIpv6 ? 40 : 20;
    const start = LINK + transport;
    new DataView(frame.buffer).setUint16(start + 16, pseudoOf(frame.subarray(LINK), transport));
    const headerLength = start + (frame[start + 12]! >>> 4) * 4;
    const type = isIpv6 ? GSO_TYPE.TCPV6 : GSO_TYPE.TCPV4;
    const isLong = frame.length > this.#segment + headerLength;
    this.#wires[side].send(frame, {
      checksum: { start, offset: 16 },
      ...(isLong ? { segments: { type, size: this.#segment, headerLength } } : {}),
    });
    const received: Received[] = [];
    for (const { bytes, outgoing, checksum, segments } of other.receiveAll(PATIENCE)) {
      if (outgoing || (bytes[12] !== 0x08 && bytes[12] !== 0x86) || bytes[13] === 0x06) continue;
      const came = new SimulatedPacket(bytes, {
        gsoSize: segments?.size ?? 0,
        ...(checksum === undefined ? {} : { checksum: { kind: "partial", ...checksum } }),
      });
      for (const packet of onTheWire(came).map((ip) => parseIpPacket(ip))) {
        if (packet.transport.kind !== "tcp") continue;
        assert.ok(packet.transport.checksumValid, "the TCP checksum");
        received.push({ packet, segment: packet.transport });
      }
    }
    return received;
  }

  close(): void {
    for (const wire of Object.values(this.#wires)) wire.close();
  }
}
