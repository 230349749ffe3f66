/** Recorded scenes of ICMP errors and fragments (recordings: icmp.json), and what of them to compare. */
import assert from "node:assert/strict";
import { make } from "../../../bpf/index.ts";
import { checksum } from "../../../net/index.ts";
import { InterfaceAddresses, interfaceAddresses } from "../../tables.ts";
import { runCommand } from "../../testing/commands.ts";
import { SERVER_SIDE, TestDirector } from "../../testing/director.ts";
import { readRecording } from "../../testing/recordings.ts";

export interface Sent {
  readonly to: "client" | "server";
  readonly packet: string;
}

export interface Step {
  readonly note: string;
  readonly from: "client" | "server";
  readonly packet: string;
  /** Packets that came right behind it. */
  readonly more?: readonly string[];
  readonly sent: readonly Sent[];
  /** Protocol, time and state of the scene's connection in the listing; null: there is none. */
  readonly connection?: string | null;
}

export interface Scene {
  readonly scene: string;
  readonly setup: readonly string[];
  readonly steps: readonly Step[];
  readonly counters?: Readonly<Record<string, number>>;
}

export const SCENES = readRecording<readonly Scene[]>("icmp.json");

/** The slot of the only server. */
export const SERVER = 2;
const ICMP = 1;
const TCP = 6;
const RESET = 4;
const ICMPV6 = 58;
const FRAGMENT = 44;

export function fromHex(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text, "hex"));
}

/** A packet without what a director is free in: identification of its own packets and of fragments it made, flow label. */
export function comparable(bytes: Uint8Array, isOwn: boolean): string {
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

export function isError(packet: Uint8Array): boolean {
  return packet[0]! >>> 4 === 4 ? packet[9] === ICMP : packet[6] === ICMPV6;
}

/** What IPVS or its host sent on without touching more than its age. */
export function isForwarded(received: Uint8Array, sent: Uint8Array): boolean {
  const ends = received[0]! >>> 4 === 4 ? [12, 20] : [8, 40];
  return Buffer.compare(received.subarray(...ends), sent.subarray(...ends)) === 0;
}

/** A reset of the host's own, as nobody had a connection. */
export function isReset(packet: Uint8Array): boolean {
  const [protocol, at] = packet[0]! >>> 4 === 4 ? [packet[9], 20] : [packet[6], 40];
  return protocol === TCP && packet[at + 13] === RESET;
}

/**
 * What is different here, and meant to be: parameter problems are translated, too; what a router learns of a tunnel's path is not
 * kept; of a fragmented datagram for which there is no server, the first fragment is quoted as it is.
 */
export function isDifferent({ scene }: Scene, { note }: Step): boolean {
  if (note === "12/0" || note === "in two fragments") return true;
  return scene.includes("tunnelled") && (note === "a large one afterwards" || note === "3/4");
}

/** The MTU towards the servers in a scene. */
export function mtuOf({ setup }: Scene): number {
  const command = setup.find((each) => each.startsWith("ip link set d1 mtu"));
  return command === undefined ? 1500 : Number(command.split(" ").at(-1));
}

/** A director as the scene's is. */
export function directorOf(scene: Scene): TestDirector {
  const director = new TestDirector({ connectionLimit: 1024 });
  director.machine.run(() => {
    const own = make(InterfaceAddresses, { ipv4: 0x0a0000fe });
    for (const [i, word] of [0x20010db8, 0x000a0000, 0, 0xfe].entries()) own.ipv6.words[i] = word;
    interfaceAddresses.update(SERVER_SIDE, own);
  });
  director.mtus.set(SERVER_SIDE, mtuOf(scene));
  for (const each of scene.setup) {
    if (!each.startsWith("ip ")) runCommand(director.configuration, each.split(" "));
  }
  return director;
}

/** What was sent, in words, to be compared with what was recorded; sorted. */
export function textOf(
  { scene }: Scene,
  { packet: received }: Step,
  list: readonly { readonly to: string; readonly packet: Uint8Array }[],
): string[] {
  const isOwn = (packet: Uint8Array) =>
    scene.includes("tunnelled") || (isError(packet) && !isError(fromHex(received)));
  return list.map(({ to, packet }) => `${to} ${comparable(packet, isOwn(packet))}`).sort();
}
