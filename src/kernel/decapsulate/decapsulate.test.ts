/** The real server's end of tunnels, in the simulator: packets inside come out as the client sent them. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  type ChecksumState,
  createMachine,
  encode,
  type PacketOptions,
  SimulatedPacket,
} from "../../bpf/index.ts";
import { parseIp } from "../../net/index.ts";
import { readCapture } from "../testing/recordings.ts";
import { decapsulate } from "./decapsulate.ts";
import {
  AddressWords,
  Decapsulated,
  decapsulatedAddresses,
  TUNNEL_GRE,
  TUNNEL_GUE,
  TUNNEL_IP_IN_IP,
} from "./tables.ts";
import {
  clientPacket,
  completeSum,
  DIRECTOR_MAC,
  GUE_PORT,
  KINDS,
  oneHopOn,
  plainFrame,
  SERVER_MAC,
  tunnelFrame,
  type Version,
  versionOf,
} from "./testing/tunnels.ts";

const NEXT = 0xffffffff;
const SHOT = 2;
const VERSIONS: readonly Version[] = [4, 6];

const ALL_KINDS = TUNNEL_IP_IN_IP | TUNNEL_GUE | TUNNEL_GRE;

function server(guePort = GUE_PORT, tunnels = ALL_KINDS) {
  const machine = createMachine();
  const addresses = machine.map(decapsulatedAddresses);
  for (const text of ["192.0.2.1", "2001:db8:f::1"]) {
    const bytes = parseIp(text)!;
    const key = new Uint8Array(16);
    key.set(bytes);
    addresses.update(key, encode(Decapsulated, { tunnels, guePort }));
  }
  return {
    receive(frame: Uint8Array, options: PacketOptions = {}): { verdict: number; packet: SimulatedPacket } {
      const packet = new SimulatedPacket(frame, options);
      return { verdict: machine.execute(decapsulate, packet), packet };
    },
    packets(text: string): bigint {
      const key = new Uint8Array(AddressWords.size);
      key.set(parseIp(text)!);
      return new DataView(addresses.lookup(key)!.buffer).getBigUint64(0, true);
    },
  };
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

/** Frames with an IP packet from one station to another. */
function ipFrames(path: string, from: number): Uint8Array[] {
  return readCapture(path)
    .map(({ bytes }) => bytes)
    .filter((bytes) => bytes[11] === from && (bytes[12] === 8 ? bytes[13] === 0 : bytes[12] === 0x86))
    .filter((bytes) => bytes[12] === 8 || bytes[20] !== 58);
}

describe("recorded tunnels", () => {
  for (const scene of [
    "tun-ipip-tcp",
    "tun-ipip-udp",
    "tun-6in4-tcp",
    "tun-6in6-tcp",
    "tun-gre-csum-tcp",
    "tun-gre-udp",
    "tun-gue-csum-tcp",
    "tun-gue-udp",
    "tun-gue-remcsum-tcp",
    "tun-gue-remcsum-udp",
  ]) {
    it(scene, () => {
      const sent = ipFrames(`packets/${scene}/director-client-side.pcap`, 1);
      const tunnels = ipFrames(`packets/${scene}/server.pcap`, 3);
      assert.ok(sent.length > 0);
      assert.equal(tunnels.length, sent.length);
      const { receive } = server();
      for (const [i, frame] of tunnels.entries()) {
        const { verdict, packet } = receive(frame);
        assert.equal(verdict, NEXT);
        const original = oneHopOn(sent[i]!.subarray(14));
        assert.equal(packet.protocol, versionOf(original) === 4 ? 0x0800 : 0x86dd);
        assert.equal(hex(packet.bytes.subarray(14)), hex(original));
        assert.equal(hex(packet.bytes.subarray(0, 12)), hex(frame.subarray(0, 12)));
      }
    });
  }
});

describe("every kind of tunnel", () => {
  for (const kind of Object.keys(KINDS)) {
    it(kind, () => {
      const { receive, packets } = server();
      let count = 0;
      for (const outer of VERSIONS) {
        for (const inner of VERSIONS) {
          for (const transport of ["tcp", "udp"] as const) {
            for (const size of [0, 1, 3, 511, 512, 513, 1400, 9000]) {
              const original = clientPacket(inner, transport, size);
              const frame = tunnelFrame(kind, outer, original);
              const states: ChecksumState[] = [
                { kind: "none" },
                { kind: "complete", sum: completeSum(frame) },
              ];
              for (const checksum of states) {
                const { verdict, packet } = receive(frame, { checksum, linearBytes: 60 });
                assert.equal(verdict, NEXT);
                assert.equal(
                  hex(packet.bytes),
                  hex(plainFrame(original)),
                  `${outer} ${inner} ${transport} ${size}`,
                );
                assert.equal(packet.protocol, inner === 4 ? 0x0800 : 0x86dd);
                if (packet.checksum.kind === "complete") {
                  assert.equal(packet.checksum.sum % 0xffff, completeSum(packet.bytes) % 0xffff);
                }
                count += 1;
              }
            }
          }
        }
      }
      assert.equal(packets("192.0.2.1") + packets("2001:db8:f::1"), BigInt(count));
    });
  }
});

describe("what the kernel knows beside the bytes", () => {
  it("super-packets keep the size of their segments", () => {
    for (const outer of VERSIONS) {
      for (const inner of VERSIONS) {
        const original = clientPacket(inner, "tcp", 5000);
        const frame = tunnelFrame("gue", outer, original);
        const { verdict, packet } = server().receive(frame, { gsoSize: 1400, gsoType: "tcp" });
        assert.deepEqual([verdict, packet.gsoSize], [NEXT, 1400]);
        assert.equal(hex(packet.bytes), hex(plainFrame(original)));
      }
    }
  });

  it("what a device verified stays verified, but for the tunnel's own checksum", () => {
    const verified = (kind: string, level: number): unknown => {
      const frame = tunnelFrame(kind, 4, clientPacket(4, "tcp"));
      return server().receive(frame, { checksum: { kind: "unnecessary", level } }).packet.checksum;
    };
    assert.deepEqual(verified("ipip", 0), { kind: "unnecessary", level: 0 });
    assert.deepEqual(verified("gue with checksum", 0), { kind: "none" });
    assert.deepEqual(verified("gue with checksum", 1), { kind: "unnecessary", level: 0 });
    assert.deepEqual(verified("gre with checksum, key and sequence", 1), { kind: "unnecessary", level: 0 });
  });

  it("a checksum left to a device follows its bytes", () => {
    const frame = tunnelFrame("ipip", 4, clientPacket(4, "tcp"));
    const { packet } = server().receive(frame, { checksum: { kind: "partial", start: 54, offset: 16 } });
    assert.deepEqual(packet.checksum, { kind: "partial", start: 34, offset: 16 });
  });
});

describe("remote checksums", () => {
  it("are made only of what the datagram's checksum vouches for", () => {
    const frame = tunnelFrame("gue with remote checksum", 4, clientPacket(4, "tcp"));
    frame[frame.length - 1]! ^= 1;
    assert.equal(server().receive(frame).verdict, SHOT);
    const verified = server().receive(frame, { checksum: { kind: "unnecessary" } });
    assert.equal(verified.verdict, NEXT, "a device has looked");
    const ours = server().receive(frame, { checksum: { kind: "partial", start: 34, offset: 6 } });
    assert.equal(ours.verdict, NEXT, "it never was on a wire");
  });

  it("of places that cannot be are dropped", () => {
    const good = tunnelFrame("gue with remote checksum and none of its own", 4, clientPacket(4, "tcp"));
    const at = 14 + 20 + 8 + 4 + 4;
    for (const [start, field] of [
      [20, 18],
      [21, 36],
      [20, 37],
      [20, 5000],
      [65535, 65535],
    ] as const) {
      const frame = good.slice();
      new DataView(frame.buffer).setUint32(at, start * 0x10000 + field);
      assert.equal(server().receive(frame).verdict, SHOT, `${start} ${field}`);
    }
  });
});

describe("congestion met on the way (RFC 6040)", () => {
  const EXPERIENCED = 3;
  it("is told to a sender that can be told", () => {
    for (const version of VERSIONS) {
      const settings = version === 4 ? { typeOfService: 2 } : {};
      const original = clientPacket(version, "tcp", 10, settings);
      if (version === 6) original[1]! |= 0x20;
      const frame = tunnelFrame("ipip", 4, original, { typeOfService: EXPERIENCED });
      const { verdict, packet } = server().receive(frame, {
        checksum: { kind: "complete", sum: completeSum(frame) },
      });
      assert.equal(verdict, NEXT);
      const told =
        version === 4 ? clientPacket(4, "tcp", 10, { typeOfService: EXPERIENCED }) : original.slice();
      if (version === 6) told[1]! |= 0x30;
      assert.equal(hex(packet.bytes), hex(plainFrame(told)));
      if (packet.checksum.kind !== "complete") throw new Error("the sum is lost");
      assert.equal(packet.checksum.sum % 0xffff, completeSum(packet.bytes) % 0xffff);
    }
  });

  it("costs others the packet", () => {
    const frame = tunnelFrame("ipip", 4, clientPacket(4, "tcp"), { typeOfService: EXPERIENCED });
    assert.equal(server().receive(frame).verdict, SHOT);
  });
});

describe("what is left alone", () => {
  const untouched = (frame: Uint8Array, options: PacketOptions = {}, end = server()): void => {
    const { verdict, packet } = end.receive(frame, options);
    assert.equal(verdict, NEXT);
    assert.equal(hex(packet.bytes), hex(frame));
  };
  const tunnel = tunnelFrame("ipip", 4, clientPacket(4, "tcp"));

  it("packets to others, and other packets", () => {
    untouched(plainFrame(clientPacket(4, "tcp")));
    untouched(plainFrame(clientPacket(6, "udp")));
    untouched(tunnel, { type: 3 });
    untouched(tunnel, { vlanPresent: 1 });
    untouched(Uint8Array.from([...SERVER_MAC, ...DIRECTOR_MAC, 8, 6, ...new Array<number>(40).fill(0)]));
    const other = tunnel.slice();
    other[14 + 20 + 19] = 2;
    untouched(other);
  });

  it("GUE by another port than the address's", () => {
    const frame = tunnelFrame("gue", 4, clientPacket(4, "tcp"));
    untouched(frame, {}, server(0));
    untouched(frame, {}, server(6081));
  });

  it("tunnels of a kind that the address does not take", () => {
    for (const [kind, bit] of [
      ["ipip", TUNNEL_IP_IN_IP],
      ["gue", TUNNEL_GUE],
      ["gre", TUNNEL_GRE],
    ] as const) {
      untouched(tunnelFrame(kind, 4, clientPacket(4, "tcp")), {}, server(GUE_PORT, ALL_KINDS & ~bit));
    }
  });

  it("fragments, other versions, control messages, unknown flags and protocols", () => {
    untouched(tunnelFrame("ipip", 4, clientPacket(4, "tcp"), { moreFragments: true }));
    for (const [kind, at, value] of [
      ["gue", 42, 0x20],
      ["gue", 42, 0x80],
      ["gue", 42, 0x01],
      ["gue", 43, 47],
      ["gue", 45, 2],
      ["gue with private flags", 49, 1],
      ["gre", 34, 0x40],
      ["gre", 35, 1],
      ["gre", 37, 1],
      ["ipip", 34, 0x65],
    ] as const) {
      const frame = tunnelFrame(kind, 4, clientPacket(4, "tcp"));
      frame[at] = value;
      untouched(frame);
    }
  });

  it("packets that are longer than what holds them, cut anywhere", () => {
    for (const kind of Object.keys(KINDS)) {
      for (const outer of VERSIONS) {
        const frame = tunnelFrame(kind, outer, clientPacket(4, "udp", 8));
        for (let length = 14; length < frame.length; length++) untouched(frame.subarray(0, length));
        const inner = frame.slice();
        const at = frame.length - (20 + 8 + 8);
        new DataView(inner.buffer).setUint16(at + 2, 20 + 8 + 9);
        untouched(inner);
      }
    }
  });
});
