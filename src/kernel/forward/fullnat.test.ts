import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { TC_REDIRECT } from "../../bpf/index.ts";
import { formatIp, parseIpPacket } from "../../net/index.ts";
import { destinationTable, FORWARD_FULLNAT } from "../tables.ts";
import { CLIENT_SIDE, SERVER_SIDE, TestDirector } from "../testing/director.ts";
import { interfaceOf, type Side, tcpFrame, udpFrame } from "../testing/frames.ts";
import { sctpFrame } from "../testing/sctp.ts";

interface Family {
  readonly name: string;
  readonly virtual: string;
  readonly server: string;
  readonly client: string;
  readonly local: readonly string[];
  readonly own: string;
}

const FAMILIES: readonly Family[] = [
  {
    name: "IPv4",
    virtual: "192.0.2.1:80",
    server: "10.0.0.1:8080",
    client: "198.18.0.1",
    local: ["10.0.0.201", "10.0.0.202"],
    own: "10.0.0.254",
  },
  {
    name: "IPv6",
    virtual: "[2001:db8:f::1]:80",
    server: "[2001:db8:a::1]:8080",
    client: "2001:db8:1::1",
    local: ["2001:db8:a::201", "2001:db8:a::202"],
    own: "2001:db8:a::fe",
  },
];

function endpoint(address: string, port: number): string {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}

function directorOf(family: Family, local: readonly string[], connectionLimit = 64): TestDirector {
  const director = new TestDirector({ connectionLimit });
  for (const protocol of ["tcp", "udp"] as const) {
    director.configuration.addService(protocol, family.virtual, "rr", { localAddresses: local });
    director.configuration.addServer(protocol, family.virtual, family.server, {
      method: FORWARD_FULLNAT,
      source: family.own,
    });
  }
  return director;
}

/** Sends a frame through; answers who seems to have sent it and to whom. The checksums of what comes out are right. */
function pass(
  director: TestDirector,
  side: Side,
  bytes: Uint8Array,
): { from: string; to: string; out: number } {
  const { verdict, packet, out } = director.receive(bytes, { ifindex: interfaceOf(side) });
  assert.equal(verdict, TC_REDIRECT);
  const parsed = parseIpPacket(packet.bytes.subarray(14));
  const { transport } = parsed;
  assert.ok(transport.kind === "tcp" || transport.kind === "udp");
  assert.ok(transport.checksumValid, "the transport checksum");
  return {
    from: endpoint(formatIp(parsed.source), transport.sourcePort),
    to: endpoint(formatIp(parsed.destination), transport.destinationPort),
    out,
  };
}

for (const family of FAMILIES) {
  describe(`FullNAT, ${family.name}`, () => {
    test("translates both ends, there and back", () => {
      const director = directorOf(family, family.local);
      for (const [frame, port] of [
        [tcpFrame, 1000],
        [udpFrame, 1001],
      ] as const) {
        const client = endpoint(family.client, port);
        const build = (side: Side, from: string, to: string, flags: string) =>
          frame === tcpFrame ? tcpFrame(side, from, to, flags) : udpFrame(side, from, to);
        const there = pass(director, "client", build("client", client, family.virtual, "S"));
        assert.equal(there.to, family.server);
        assert.equal(there.out, SERVER_SIDE);
        assert.ok(
          family.local.some((local) => there.from.includes(local)),
          there.from,
        );
        const back = pass(director, "server", build("server", family.server, there.from, "SA"));
        assert.deepEqual(back, { from: family.virtual, to: client, out: CLIENT_SIDE });
        assert.deepEqual(pass(director, "client", build("client", client, family.virtual, "A")), there);
      }
      assert.equal(director.connections().filter((each) => each.state === "ESTABLISHED").length, 1);
    });

    test("gives each connection a local endpoint of its own, and takes all back", () => {
      const director = directorOf(family, family.local, 512);
      const seen = new Set<string>();
      for (let port = 1; port <= 100; port++) {
        const { from } = pass(
          director,
          "client",
          tcpFrame("client", endpoint(family.client, port), family.virtual, "S"),
        );
        seen.add(from);
      }
      assert.equal(seen.size, 100);
      director.wait(70);
      assert.deepEqual(director.connections(), []);
      assert.equal(director.flowWords(), 0);
    });

    test("knows SCTP's answers", () => {
      const director = new TestDirector();
      director.configuration.addService("sctp", family.virtual, "rr", { localAddresses: family.local });
      director.configuration.addServer("sctp", family.virtual, family.server, { method: FORWARD_FULLNAT });
      const client = endpoint(family.client, 1000);
      const there = director.receive(sctpFrame("client", client, family.virtual, ["INIT"]), {
        ifindex: CLIENT_SIDE,
      });
      assert.equal(there.out, SERVER_SIDE);
      const header = there.packet.bytes.subarray(family.name === "IPv4" ? 34 : 54);
      const source = parseIpPacket(there.packet.bytes.subarray(14)).source;
      const local = endpoint(formatIp(source), (header[0]! << 8) | header[1]!);
      const back = director.receive(sctpFrame("server", family.server, local, ["INIT-ACK"]), {
        ifindex: SERVER_SIDE,
      });
      assert.equal(back.out, CLIENT_SIDE);
      assert.equal(formatIp(parseIpPacket(back.packet.bytes.subarray(14)).destination), family.client);
    });

    test("without local addresses takes the director's own towards the server", () => {
      const director = directorOf(family, []);
      const { from } = pass(
        director,
        "client",
        tcpFrame("client", endpoint(family.client, 1000), family.virtual, "S"),
      );
      assert.ok(from.includes(family.own), from);
    });

    test("leaves the ports above 32767 of the director's own address to the host, even where that is given", () => {
      for (const [local, port] of [
        [family.own, 1024 + (40_000 % 31_744)],
        [family.local[0]!, 1024 + 40_000],
      ] as const) {
        const director = directorOf(family, [local]);
        director.machine.run(() => {
          for (const slot of director.configuration.serversOf("tcp", family.virtual).values())
            destinationTable.lookup(slot)!.portCursor = 40_000;
        });
        const syn = tcpFrame("client", endpoint(family.client, 1000), family.virtual, "S");
        assert.equal(pass(director, "client", syn).from, endpoint(local, port));
      }
    });

    test("without any address of its own, as without a way, tells the client that there is none", () => {
      const director = new TestDirector();
      director.configuration.addService("tcp", family.virtual, "rr");
      director.configuration.addServer("tcp", family.virtual, family.server, { method: FORWARD_FULLNAT });
      const frame = tcpFrame("client", endpoint(family.client, 1000), family.virtual, "S");
      const { verdict, packet } = director.receive(frame, { ifindex: CLIENT_SIDE });
      assert.equal(verdict, TC_REDIRECT);
      const { transport } = parseIpPacket(packet.bytes.subarray(14));
      assert.ok(transport.kind === "icmp" || transport.kind === "icmpv6");
      assert.deepEqual([transport.type, transport.code], family.name === "IPv4" ? [3, 1] : [1, 3]);
      director.wait(2);
      assert.deepEqual(director.connections(), []);
      assert.equal(director.flowWords(), 0);
    });
  });
}
