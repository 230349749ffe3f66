/**
 * Recorded scenes of IPVS: the frames that the client and the server sent go through our datapath, and what it
 * sends must be what IPVS sent, byte for byte but for link-layer addresses and the identification of the director's own packets.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { TC_REDIRECT } from "../../bpf/index.ts";
import { runCommand } from "../testing/commands.ts";
import { CLIENT_SIDE, SERVER_SIDE, TestDirector } from "../testing/director.ts";
import { interfaceOf, type Side } from "../testing/frames.ts";
import { readCapture, readRecording } from "../testing/recordings.ts";
import { comparable } from "./testing/comparable.ts";

interface Scene {
  readonly note: string;
  readonly director_setup: string;
  readonly commands: readonly (readonly string[])[];
  readonly stages: readonly {
    readonly stage: string;
    readonly connections: string;
    readonly stats: string;
  }[];
}

const SCENES = [
  "nat-tcp",
  "nat-tcp-server-closes",
  "nat-udp",
  "icmp-port-unreachable-nat",
  "icmp-frag-needed-from-client-side",
  "frag-needed-nat",
  "ack-without-connection",
  "nat6-tcp",
  "nat6-udp",
  "dr-tcp",
  "dr-tcp-server-closes",
  "tun-ipip-tcp",
  "tun-ipip-udp",
  "tun-gre-csum-tcp",
  "tun-gre-udp",
  "tun-gue-udp",
  "tun-gue-csum-tcp",
  "tun-gue-remcsum-tcp",
  "tun-gue-remcsum-udp",
  "tun-6in4-tcp",
  "tun-6in6-tcp",
];

const ETHERTYPE = 12;
const SOURCE_MAC_END = 11;

/** Whether it is IPv4, or IPv6 and not neighbour discovery. */
function isIp(bytes: Uint8Array): boolean {
  const type = (bytes[ETHERTYPE]! << 8) | bytes[ETHERTYPE + 1]!;
  if (type === 0x0800) return true;
  return type === 0x86dd && (bytes[20] !== 58 || bytes[54]! < 133);
}

/** Fragments are later work. */
function isFragment(bytes: Uint8Array): boolean {
  return bytes[ETHERTYPE] === 8 && (((bytes[20]! << 8) | bytes[21]!) & 0x3fff) !== 0;
}

/** What the director's own TCP sent, with a fresh time to live: a reset for a segment that no connection was there for. */
function isOwnReset(bytes: Uint8Array): boolean {
  return bytes[ETHERTYPE] === 8 && bytes[23] === 6 && bytes[22] === 64;
}

interface Captured {
  readonly side: Side;
  readonly time: bigint;
  readonly bytes: Uint8Array;
}

/** The frames captured on the director's two devices: `mine` that it sent, others that it received. */
function captured(scene: string, mine: boolean): Captured[] {
  const frames: Captured[] = [];
  for (const [side, mac] of [["client", 2] as const, ["server", 3] as const]) {
    for (const { time, bytes } of readCapture(`packets/${scene}/director-${side}-side.pcap`)) {
      if (!isIp(bytes) || isFragment(bytes) || (bytes[SOURCE_MAC_END] === mac) !== mine) continue;
      frames.push({ side, time, bytes });
    }
  }
  return frames.sort((a, b) => Number(a.time - b.time));
}

function configure(director: TestDirector, scene: Scene): number {
  let slot = 0;
  for (const argv of scene.commands) slot = runCommand(director.configuration, argv) || slot;
  const mtu = /ip link set d1 mtu (\d+)/.exec(scene.director_setup)?.[1];
  if (mtu !== undefined) director.mtus.set(SERVER_SIDE, Number(mtu));
  return slot;
}

for (const name of SCENES) {
  test(`packets/${name}: the same frames, counters and connections`, () => {
    const scene = readRecording<Scene>(`packets/${name}/meta.json`);
    const director = new TestDirector();
    const slot = configure(director, scene);
    const sent: Record<Side, Uint8Array[]> = { client: [], server: [] };
    let last = 0n;
    for (const { side, time, bytes } of captured(name, false)) {
      if (last !== 0n) director.machine.clock.advance(time - last);
      last = time;
      const { verdict, packet, out } = director.receive(bytes, { ifindex: interfaceOf(side) });
      if (verdict !== TC_REDIRECT) continue;
      sent[out === CLIENT_SIDE ? "client" : "server"].push(packet.bytes.slice());
    }
    for (const side of ["client", "server"] as const) {
      const expected = captured(name, true)
        .filter((each) => each.side === side && !isOwnReset(each.bytes))
        .map(({ bytes }) => bytes);
      const comparables = (list: readonly Uint8Array[]) =>
        list.map((bytes) => comparable(bytes.subarray(14), name.includes("gue")));
      assert.deepEqual(comparables(sent[side]), comparables(expected), `to the ${side}`);
    }
    // The last stage of this scene counts a fragmented datagram too.
    const stage = scene.stages.at(name === "frag-needed-nat" ? -2 : -1)!;
    const counted = director.counters(slot);
    const { connections, inPackets, outPackets, inBytes, outBytes } = counted;
    assert.deepEqual(
      [connections, inPackets, outPackets, inBytes, outBytes],
      stage.stats.trim().split("\n").at(-1)!.trim().split(/\s+/).slice(2).map(Number),
    );
    const listed = director.connections().map((each) => `${each.state} ${each.source} ${each.destination}`);
    const recorded = stage.connections.trim().split("\n").slice(2);
    const words = recorded.map((line) => line.split(/\s+/)).map((each) => `${each[2]} ${each[3]} ${each[5]}`);
    if (name !== "frag-needed-nat") assert.deepEqual(listed, words);
  });
}
