/** ICMP errors where IPVS has none to compare with: FullNAT, and tunnels between the families. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { TC_NEXT, TC_REDIRECT, TC_SHOT } from "../../bpf/index.ts";
import { buildIp, buildUdp, endpoint, ip, parseIpPacket } from "../../net/index.ts";
import { FORWARD_FULLNAT, FORWARD_TUNNEL, TUNNEL_GRE, TUNNEL_GUE, TUNNEL_IPIP } from "../tables.ts";
import { CLIENT_SIDE, type Outcome, SERVER_SIDE, TestDirector } from "../testing/director.ts";
import { frame, interfaceOf, type Side, udpFrame } from "../testing/frames.ts";
import { buildError, readError } from "./testing/errors.ts";

interface Family {
  readonly virtual: string;
  readonly client: string;
  readonly router: string;
  readonly server: string;
  readonly serverRouter: string;
  readonly local: string;
  readonly own: string;
}

const IPV4: Family = {
  virtual: "192.0.2.1:53",
  client: "198.18.0.10:40001",
  router: "198.18.0.1",
  server: "10.0.0.1:8081",
  serverRouter: "10.0.0.99",
  local: "10.0.0.201",
  own: "10.0.0.254",
};
const IPV6: Family = {
  virtual: "[2001:db8:f::1]:53",
  client: "[2001:db8:1::10]:40001",
  router: "2001:db8:1::1",
  server: "[2001:db8:a::1]:8081",
  serverRouter: "2001:db8:a::99",
  local: "2001:db8:a::201",
  own: "2001:db8:a::fe",
};
const UNREACHABLE = { 4: { type: 3, code: 1 }, 6: { type: 1, code: 3 } };

function addressOf(text: string): string {
  return text.startsWith("[") ? text.slice(1, text.indexOf("]")) : text.split(":")[0]!;
}

function send(director: TestDirector, side: Side, packet: Uint8Array): Outcome {
  return director.receive(frame(side, packet), { ifindex: interfaceOf(side) });
}

for (const [name, family, version] of [
  ["IPv4", IPV4, 4],
  ["IPv6", IPV6, 6],
] as const) {
  test(`FullNAT, ${name}: errors of either side, for the other`, () => {
    const director = new TestDirector();
    director.configuration.addService("udp", family.virtual, "rr", { localAddresses: [family.local] });
    director.configuration.addServer("udp", family.virtual, family.server, {
      method: FORWARD_FULLNAT,
      source: family.own,
    });
    const opened = director.receive(udpFrame("client", family.client, family.virtual), {
      ifindex: CLIENT_SIDE,
    });
    const { source, transport } = parseIpPacket(opened.packet.bytes.subarray(14));
    assert.ok(transport.kind === "udp");
    const local =
      version === 4
        ? `${source.join(".")}:${transport.sourcePort}`
        : `[${family.local}]:${transport.sourcePort}`;

    const toServer = buildUdp(endpoint(local), endpoint(family.server));
    const fromServer = send(
      director,
      "server",
      buildError(family.serverRouter, family.local, toServer, UNREACHABLE[version]),
    );
    assert.equal(fromServer.out, CLIENT_SIDE);
    const told = readError(fromServer.packet.bytes.subarray(14));
    assert.ok(told.isIntact);
    assert.equal(told.from, addressOf(family.virtual));
    assert.equal(told.to, addressOf(family.client));
    assert.equal(told.about, `${family.client} ${family.virtual}`);

    const toClient = buildUdp(endpoint(family.virtual), endpoint(family.client));
    const fromClient = send(
      director,
      "client",
      buildError(family.router, addressOf(family.virtual), toClient, UNREACHABLE[version]),
    );
    assert.equal(fromClient.out, SERVER_SIDE);
    const passed = readError(fromClient.packet.bytes.subarray(14));
    assert.ok(passed.isIntact);
    assert.equal(passed.from, family.local);
    assert.equal(passed.to, addressOf(family.server));
    assert.equal(passed.about, `${family.server} ${local}`);
  });
}

const TUNNELS = [
  { name: "ipip", tunnelType: TUNNEL_IPIP, overhead: 0 },
  { name: "gue", tunnelType: TUNNEL_GUE, tunnelPort: 6080, overhead: 12 },
  { name: "gre", tunnelType: TUNNEL_GRE, overhead: 4 },
] as const;

for (const [inside, inner, innerVersion] of [
  ["IPv4", IPV4, 4],
  ["IPv6", IPV6, 6],
] as const) {
  for (const [outside, outer, outerVersion] of [
    ["IPv4", IPV4, 4],
    ["IPv6", IPV6, 6],
  ] as const) {
    for (const tunnel of TUNNELS) {
      describe(`${tunnel.name}, ${inside} in ${outside}`, () => {
        const header = outerVersion === 4 ? 20 : 40;
        const tell = (
          change: (packet: Uint8Array) => Uint8Array,
          error: { type: number; code?: number; parameter?: number },
        ): { outcome: Outcome; director: TestDirector } => {
          const director = new TestDirector();
          director.configuration.addService("udp", inner.virtual, "rr");
          const server = outerVersion === 4 ? "10.0.0.1:53" : "[2001:db8:a::1]:53";
          const { tunnelType } = tunnel;
          director.configuration.addServer("udp", inner.virtual, server, {
            method: FORWARD_TUNNEL,
            tunnelType,
            tunnelPort: 6080,
            source: outer.own,
          });
          const datagram = buildUdp(endpoint(inner.client), endpoint(inner.virtual), {
            payload: new Uint8Array(64),
            ip: { dontFragment: true },
          });
          const { packet, verdict } = send(director, "client", datagram);
          assert.equal(verdict, TC_REDIRECT);
          const quoted = change(Uint8Array.from(packet.bytes.subarray(14)));
          const bytes = buildError(outer.serverRouter, outer.own, quoted, error);
          return { outcome: send(director, "server", bytes), director };
        };
        const whole = (packet: Uint8Array) => packet;

        test("the client is told that its packet was too large", () => {
          const tooLarge = outerVersion === 4 ? { type: 3, code: 4 } : { type: 2 };
          const { outcome } = tell(whole, { ...tooLarge, parameter: 1400 });
          assert.equal(outcome.out, CLIENT_SIDE);
          const told = readError(outcome.packet.bytes.subarray(14));
          assert.ok(told.isIntact);
          assert.equal(told.from, addressOf(inner.virtual));
          assert.equal(told.to, addressOf(inner.client));
          assert.equal(told.about, `${inner.client} ${inner.virtual}`);
          assert.deepEqual([told.type, told.code], innerVersion === 4 ? [3, 4] : [2, 0]);
          assert.equal(told.parameter & 0xffff, 1400 - header - tunnel.overhead);
          assert.equal(outcome.packet.data.getUint16(12), innerVersion === 4 ? 0x0800 : 0x86dd);
        });

        test("the client is told that the server cannot be reached", () => {
          const { outcome } = tell(whole, { type: outerVersion === 4 ? 3 : 1, code: 1 });
          assert.equal(outcome.out, CLIENT_SIDE);
          const told = readError(outcome.packet.bytes.subarray(14));
          assert.ok(told.isIntact);
          assert.deepEqual([told.type, told.code], innerVersion === 4 ? [3, 1] : [1, 3]);
        });

        test("what is not about a connection of the tunnel's is left", () => {
          const error = { type: outerVersion === 4 ? 3 : 1, code: 1 };
          const other = (packet: Uint8Array) => {
            packet[header + tunnel.overhead + (innerVersion === 4 ? 15 : 23)]! ^= 1;
            return packet;
          };
          assert.equal(tell(other, error).outcome.verdict, TC_NEXT);
          assert.equal(
            tell((packet) => packet.subarray(0, header + tunnel.overhead + 8), error).outcome.verdict,
            TC_NEXT,
          );
          const toOther = (packet: Uint8Array) => {
            packet[header - 1]! ^= 3;
            return packet;
          };
          assert.equal(tell(toOther, error).outcome.verdict, TC_NEXT);
        });

        test("a damaged error is dropped", () => {
          const { director, outcome } = tell(whole, { type: outerVersion === 4 ? 3 : 1, code: 1 });
          assert.equal(outcome.verdict, TC_REDIRECT);
          const { packet } = send(
            director,
            "client",
            buildUdp(endpoint(inner.client), endpoint(inner.virtual), { ip: { dontFragment: true } }),
          );
          const bytes = buildError(outer.serverRouter, outer.own, packet.bytes.subarray(14), {
            type: outerVersion === 4 ? 3 : 1,
            code: 1,
          });
          bytes[header + 2]! ^= 0x55;
          assert.equal(send(director, "server", bytes).verdict, TC_SHOT);
        });
      });
    }
  }
}

test("an echo, and protocols that nobody serves, are left", () => {
  const director = new TestDirector();
  director.configuration.addService("udp", IPV4.virtual, "rr");
  const pair = { source: ip("198.18.0.10"), destination: ip("192.0.2.1") };
  for (const protocol of [1, 2, 47, 58, 89, 103]) {
    const packet = buildIp(pair, protocol, new Uint8Array(40));
    assert.equal(send(director, "client", packet).verdict, TC_NEXT);
  }
});
