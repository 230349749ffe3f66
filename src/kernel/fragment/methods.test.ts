/** Fragments under every forwarding method, in both families, in any order. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Packet, SimulatedPacket, TC_NEXT, TC_REDIRECT, tailCall } from "../../bpf/index.ts";
import { buildUdp, endpoint, formatIp, parseIpPacket } from "../../net/index.ts";
import {
  FORWARD_FULLNAT,
  FORWARD_MASQ,
  FORWARD_ROUTE,
  FORWARD_TUNNEL,
  POOL_ONE_PACKET,
  PROGRAM_IPV4_OUTGOING,
  PROGRAM_IPV6_OUTGOING,
  programs,
  TUNNEL_GRE,
  TUNNEL_GUE,
  TUNNEL_IPIP,
} from "../tables.ts";
import { CLIENT_SIDE, type Outcome, SERVER_SIDE, TestDirector } from "../testing/director.ts";
import { fragmentsOf, reassembled, receiveAll } from "../testing/fragments.ts";
import { frame, type Side } from "../testing/frames.ts";
import { randomNumbers } from "../testing/mutate.ts";

const FAMILIES = [
  {
    name: "IPv4",
    client: "198.18.0.10:40001",
    virtual: "192.0.2.1:53",
    server: "10.0.0.1:8081",
    plain: "10.0.0.1:53",
    own: "10.0.0.254",
    local: "10.0.0.201",
    header: 20,
  },
  {
    name: "IPv6",
    client: "[2001:db8:1::10]:40001",
    virtual: "[2001:db8:f::1]:53",
    server: "[2001:db8:a::1]:8081",
    plain: "[2001:db8:a::1]:53",
    own: "2001:db8:a::fe",
    local: "2001:db8:a::201",
    header: 40,
  },
] as const;

type Family = (typeof FAMILIES)[number];

const METHODS = [
  { name: "masquerading", method: FORWARD_MASQ, outer: 0 },
  { name: "FullNAT", method: FORWARD_FULLNAT, outer: 0 },
  { name: "direct routing", method: FORWARD_ROUTE, outer: 0 },
  { name: "ipip", method: FORWARD_TUNNEL, tunnelType: TUNNEL_IPIP, outer: 1 },
  { name: "gue", method: FORWARD_TUNNEL, tunnelType: TUNNEL_GUE, tunnelPort: 6080, outer: 13 },
  { name: "gre", method: FORWARD_TUNNEL, tunnelType: TUNNEL_GRE, outer: 5 },
] as const;

const payload = Uint8Array.from({ length: 3001 }, (_, i) => i * 7 + (i >>> 8));

function shuffled<T>(list: readonly T[], random: (limit: number) => number): T[] {
  const all = [...list];
  for (let i = all.length - 1; i > 0; i--) {
    const j = random(i + 1);
    [all[i], all[j]] = [all[j]!, all[i]!];
  }
  return all;
}

function parts(side: Side, from: string, to: string, identification: number, size = 1024): Uint8Array[] {
  const whole = buildUdp(endpoint(from), endpoint(to), { payload, ip: { dontFragment: false } });
  return fragmentsOf(whole, size, identification).map((each) => frame(side, each));
}

function endpointText(address: Uint8Array, port: number): string {
  return address.length === 16 ? `[${formatIp(address)}]:${port}` : `${formatIp(address)}:${port}`;
}

/** From and to of the datagram that was sent on in parts, each behind so many bytes of other headers. */
function ends(outcomes: readonly Outcome[], outer: number): { from: string; to: string; ports: number } {
  const out = outcomes.filter(({ verdict }) => verdict === TC_REDIRECT);
  const whole = reassembled(out.map(({ packet }) => packet.bytes.subarray(14 + outer)));
  const { source, destination, transport } = parseIpPacket(whole);
  assert.ok(transport.kind === "udp" && transport.checksumValid);
  assert.deepEqual(Buffer.from(transport.payload), Buffer.from(payload));
  return {
    from: endpointText(source, transport.sourcePort),
    to: endpointText(destination, transport.destinationPort),
    ports: transport.sourcePort,
  };
}

function directorOf(family: Family, settings: (typeof METHODS)[number], flags = 0): TestDirector {
  const director = new TestDirector();
  director.configuration.addService("udp", family.virtual, "rr", { localAddresses: [family.local], flags });
  const isNat = settings.method === FORWARD_MASQ || settings.method === FORWARD_FULLNAT;
  director.configuration.addServer("udp", family.virtual, isNat ? family.server : family.plain, {
    ...settings,
    source: family.own,
  });
  return director;
}

for (const family of FAMILIES) {
  for (const settings of METHODS) {
    test(`${family.name}, ${settings.name}`, () => {
      const random = randomNumbers(settings.method + family.header);
      const director = directorOf(family, settings);
      const outer = settings.outer === 0 ? 0 : family.header + settings.outer - 1;
      for (let round = 0; round < 10; round++) {
        const frames = shuffled(parts("client", family.client, family.virtual, round + 1), random);
        const there = ends(receiveAll(director, frames, CLIENT_SIDE), outer);
        const isNat = settings.method === FORWARD_MASQ || settings.method === FORWARD_FULLNAT;
        assert.equal(there.to, isNat ? family.server : family.virtual);
        if (settings.method !== FORWARD_FULLNAT) assert.equal(there.from, family.client);
        else assert.ok(there.from.includes(family.local));
        if (!isNat) continue;
        const back = shuffled(parts("server", family.server, there.from, round + 1), random);
        const { from, to } = ends(receiveAll(director, back, SERVER_SIDE), 0);
        assert.deepEqual([from, to], [family.virtual, family.client]);
      }
      assert.equal(director.connections().length, 1);
      assert.equal(director.events().unheld, 0);
    });
  }

  test(`${family.name}: datagrams without a connection`, () => {
    const director = directorOf(family, METHODS[0], POOL_ONE_PACKET);
    const frames = parts("client", family.client, family.virtual, 1).reverse();
    assert.equal(ends(receiveAll(director, frames, CLIENT_SIDE), 0).to, family.server);
    assert.deepEqual(director.connections(), []);
  });

  test(`${family.name}: flows that found no room in the table`, () => {
    const director = new TestDirector({ connectionLimit: 4 });
    director.configuration.addService("udp", family.virtual, "rr");
    director.configuration.addServer("udp", family.virtual, family.server);
    for (let i = 0; i < 5; i++) {
      const client = family.client.replace("40001", String(i + 1));
      receiveAll(
        director,
        [frame("client", buildUdp(endpoint(client), endpoint(family.virtual)))],
        CLIENT_SIDE,
      );
    }
    const there = ends(
      receiveAll(director, parts("client", family.client, family.virtual, 1), CLIENT_SIDE),
      0,
    );
    assert.equal(there.to, family.server);
    const back = receiveAll(
      director,
      parts("server", family.server, family.client, 1).reverse(),
      SERVER_SIDE,
    );
    assert.deepEqual(ends(back, 0).from, family.virtual);
    assert.equal(director.connections().length, 4);
  });

  test(`${family.name}: other people's fragments are left`, () => {
    const director = directorOf(family, METHODS[0]);
    for (const [index, order] of [
      [0, 1, 2],
      [2, 1, 0],
    ].entries()) {
      const all = parts("client", family.client, family.virtual.replace(/53$/, "54"), index + 1);
      const frames = order.map((each) => all[each]!);
      const left = receiveAll(director, frames, CLIENT_SIDE).filter(({ verdict }) => verdict === TC_NEXT);
      assert.equal(left.length, 3);
    }
  });
}

for (const family of FAMILIES) {
  test(`${family.name}: what a masqueraded server on the director itself answers in parts`, () => {
    const own = family.own.includes(":") ? `[${family.own}]:8081` : `${family.own}:8081`;
    const director = new TestDirector();
    director.configuration.addService("udp", family.virtual, "rr");
    const slot = director.configuration.addServer("udp", family.virtual, own, { isLocal: true });
    const datagram = frame("client", buildUdp(endpoint(family.client), endpoint(family.virtual)));
    director.receive(datagram, { ifindex: CLIENT_SIDE });
    const program = family.header === 20 ? PROGRAM_IPV4_OUTGOING : PROGRAM_IPV6_OUTGOING;
    const leave = (packet: Packet): number => {
      tailCall(packet, programs, program);
      return TC_NEXT;
    };
    const sent = parts("client", own, family.client, 1).map((bytes) => {
      const packet = new SimulatedPacket(bytes, { ifindex: CLIENT_SIDE });
      assert.equal(director.machine.execute(leave, packet), TC_NEXT);
      return packet.bytes.subarray(14);
    });
    const { source, transport } = parseIpPacket(reassembled(sent));
    assert.ok(transport.kind === "udp" && transport.checksumValid);
    assert.equal(endpointText(source, transport.sourcePort), family.virtual);
    assert.equal(director.counters(slot).outPackets, 1);
  });
}

test("a datagram in one fragment is whole (RFC 6946)", () => {
  const [, family] = FAMILIES;
  const director = directorOf(family, METHODS[0]);
  const small = buildUdp(endpoint(family.client), endpoint(family.virtual), {
    payload: payload.subarray(0, 99),
  });
  const [only] = fragmentsOf(small, 1024);
  const { verdict, packet } = director.receive(frame("client", only!), { ifindex: CLIENT_SIDE });
  assert.equal(verdict, TC_REDIRECT);
  const { transport, destination } = parseIpPacket(packet.bytes.subarray(14));
  assert.equal(formatIp(destination), "2001:db8:a::1");
  assert.ok(transport.kind === "udp" && transport.checksumValid);
});
