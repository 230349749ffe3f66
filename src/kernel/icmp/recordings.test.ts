/** Recorded ICMP errors and fragments through IPVS, one by one through the datapath. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { make, TC_NEXT, TC_REDIRECT } from "../../bpf/index.ts";
import { checksum } from "../../net/index.ts";
import { InterfaceAddresses, interfaceAddresses } from "../tables.ts";
import { runCommand } from "../testing/commands.ts";
import { CLIENT_SIDE, type Outcome, SERVER_SIDE, TestDirector } from "../testing/director.ts";
import { receiveAll } from "../testing/fragments.ts";
import { frame } from "../testing/frames.ts";
import { readRecording } from "../testing/recordings.ts";

interface Sent {
  readonly to: "client" | "server";
  readonly packet: string;
}

interface Step {
  readonly note: string;
  readonly from: "client" | "server";
  readonly packet: string;
  /** Packets that came right behind it. */
  readonly more?: readonly string[];
  readonly sent: readonly Sent[];
  /** Protocol, time and state of the scene's connection in the listing; null: there is none. */
  readonly connection?: string | null;
}

interface Scene {
  readonly scene: string;
  readonly setup: readonly string[];
  readonly steps: readonly Step[];
  readonly counters?: Readonly<Record<string, number>>;
}

const SCENES = readRecording<readonly Scene[]>("icmp.json");
/** The slot of the only server. */
const SERVER = 2;
const ICMP = 1;
const TCP = 6;
const RESET = 4;
const ICMPV6 = 58;
const FRAGMENT = 44;

function fromHex(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text, "hex"));
}

/** A packet without what a director is free in: identification of its own packets and of fragments it made, flow label. */
function comparable(bytes: Uint8Array, isOwn: boolean): string {
  const copy = Uint8Array.from(bytes);
  const view = new DataView(copy.buffer);
  if (copy[0]! >>> 4 === 4) {
    assert.equal(checksum(copy.subarray(0, 20)), 0, "the header's checksum");
    if (isOwn || [4, 17, 47].includes(copy[9]!)) copy.fill(0, 4, 6).fill(0, 10, 12);
    // GUE's source port, and the checksum that shows it.
    if (copy[9] === 17 && view.getUint16(22) === 6080) copy.fill(0, 20, 22).fill(0, 26, 28);
  } else {
    if (isOwn) copy.fill(0, 1, 4);
    if (copy[6] === FRAGMENT) copy.fill(0, 44, 48);
    if (copy[6] === 17 && view.getUint16(42) === 6080) copy.fill(0, 40, 42).fill(0, 46, 48);
  }
  return Buffer.from(copy).toString("hex");
}

function isError(packet: Uint8Array): boolean {
  return packet[0]! >>> 4 === 4 ? packet[9] === ICMP : packet[6] === ICMPV6;
}

/** What IPVS or its host sent on without touching more than its age. */
function isForwarded(received: Uint8Array, sent: Uint8Array): boolean {
  const ends = received[0]! >>> 4 === 4 ? [12, 20] : [8, 40];
  return Buffer.compare(received.subarray(...ends), sent.subarray(...ends)) === 0;
}

/** A reset of the host's own, as nobody had a connection. */
function isReset(packet: Uint8Array): boolean {
  const [protocol, at] = packet[0]! >>> 4 === 4 ? [packet[9], 20] : [packet[6], 40];
  return protocol === TCP && packet[at + 13] === RESET;
}

/**
 * What is different here, and meant to be: parameter problems are translated, too; what a router learns of a tunnel's path is not
 * kept; of a fragmented datagram for which there is no server, the first fragment is quoted as it is.
 */
function isDifferent({ scene }: Scene, { note }: Step): boolean {
  if (note === "12/0" || note === "in two fragments") return true;
  return scene.includes("tunnelled") && (note === "a large one afterwards" || note === "3/4");
}

function directorOf({ setup }: Scene): TestDirector {
  const director = new TestDirector();
  director.machine.run(() => {
    const own = make(InterfaceAddresses, { ipv4: 0x0a0000fe });
    for (const [i, word] of [0x20010db8, 0x000a0000, 0, 0xfe].entries()) own.ipv6.words[i] = word;
    interfaceAddresses.update(SERVER_SIDE, own);
  });
  for (const each of setup) {
    if (each.startsWith("ip link set d1 mtu")) director.mtus.set(SERVER_SIDE, Number(each.split(" ").at(-1)));
    else runCommand(director.configuration, each.split(" "));
  }
  return director;
}

function assertSent(scene: Scene, step: Step, outcomes: readonly Outcome[]): void {
  const received = fromHex(step.packet);
  const expected = step.sent.map(({ to, packet }) => ({ to, packet: fromHex(packet) }));
  const sent = outcomes
    .filter(({ verdict }) => verdict === TC_REDIRECT)
    .map(({ out, packet }) => ({
      to: out === CLIENT_SIDE ? "client" : "server",
      packet: packet.bytes.subarray(14),
    }));
  const mine = expected.filter(({ packet }) => !isReset(packet));
  if (expected.length === 1 && sent.length === 0 && isForwarded(received, expected[0]!.packet)) {
    // Left to the kernel.
    assert.equal(outcomes[0]!.verdict, TC_NEXT);
    assert.deepEqual(Buffer.from(outcomes[0]!.packet.bytes.subarray(14)), Buffer.from(received));
    return;
  }
  const isOwn = (packet: Uint8Array) => isError(packet) && !isError(received);
  const text = (list: readonly { readonly to: string; readonly packet: Uint8Array }[]) =>
    list
      .map(
        ({ to, packet }) => `${to} ${comparable(packet, isOwn(packet) || scene.scene.includes("tunnelled"))}`,
      )
      .sort();
  assert.deepEqual(text(sent), text(mine));
}

function stateOf(director: TestDirector): string | null {
  const [connection] = director.connections();
  if (connection === undefined) return null;
  const seconds = Math.floor(connection.expires);
  const two = (value: number) => String(value).padStart(2, "0");
  return `${two(Math.floor(seconds / 60))}:${two(seconds % 60)} ${connection.state}`;
}

/**
 * Counters that are different here: IPVS counts what it says itself, and what passes from a server to its client, of connections whose
 * replies it does not see.
 */
function countsDiffer({ scene }: Scene): boolean {
  return /^(own errors|errors from the server side).* -[gi]/.test(scene) || scene.includes("tunnelled");
}

/** Counters with the parameter problems from the client's side, which are translated here. */
function withParameterProblems(
  { steps }: Scene,
  counters: Readonly<Record<string, number>>,
): Readonly<Record<string, number>> {
  const found = steps.filter(({ note, from }) => note === "12/0" && from === "client");
  const bytes = found.reduce((sum, { packet }) => sum + packet.length / 2, 0);
  const all = {
    ...counters,
    inPackets: counters.inPackets! + found.length,
    inBytes: counters.inBytes! + bytes,
  };
  const back = steps.filter(({ note, from }) => note === "12/0" && from === "server");
  const out = back.reduce((sum, { packet }) => sum + packet.length / 2, 0);
  return { ...all, outPackets: counters.outPackets! + back.length, outBytes: counters.outBytes! + out };
}

for (const scene of SCENES) {
  test(scene.scene, () => {
    const director = directorOf(scene);
    for (const step of scene.steps) {
      const frames = [step.packet, ...(step.more ?? [])].map((each) => frame(step.from, fromHex(each)));
      const outcomes = receiveAll(director, frames, step.from === "client" ? CLIENT_SIDE : SERVER_SIDE);
      if (isDifferent(scene, step)) continue;
      assert.doesNotThrow(() => assertSent(scene, step, outcomes), step.note);
      if (step.connection === undefined) continue;
      const [, time, state] = step.connection?.split(" ") ?? [];
      const found = stateOf(director)?.split(" ");
      assert.equal(found?.[1], state, step.note);
      if (time !== undefined && time < "00:05") assert.ok(found![0]! < "00:05", `${step.note}: ${found![0]}`);
    }
    if (scene.counters !== undefined && !countsDiffer(scene)) {
      assert.deepEqual(director.counters(SERVER), withParameterProblems(scene, scene.counters));
    }
  });
}
