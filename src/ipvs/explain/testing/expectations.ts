/** What is to be seen of a packet that was explained, and whether it is. */
import assert from "node:assert/strict";
import { CLIENT_SIDE, SERVER_SIDE } from "../../../kernel/testing/director.ts";
import { ETHERNET_LENGTH } from "../../../net/index.ts";
import type { ConnectionEntry, Endpoint } from "../../model.ts";
import { comparable } from "../comparison.ts";
import type { Explanation } from "../model.ts";
import { endsOf, parsed } from "../outcome.ts";
import type { RandomArrival } from "./random-arrivals.ts";

/** The director's interfaces, by side. */
export const INTERFACES: ReadonlyMap<number, string> = new Map([
  [CLIENT_SIDE, "d0"],
  [SERVER_SIDE, "d1"],
]);

/** What really became of a packet. */
export interface Reality {
  /** Frames that the director sent, by side. */
  readonly sent: ReadonlyMap<number, readonly Uint8Array[]>;
  /** What went up its stack. */
  readonly up: readonly Uint8Array[];
}

/** Of an Ethernet frame with IP, what tells a packet from others and stays as it is on the way: in IPv4, in IPv6. */
const KEPT = {
  4: [
    [4, 6],
    [12, 28],
  ],
  6: [
    [4, 6],
    [8, 48],
  ],
} as const;
const ICMP_HEADER = 8;

/**
 * Whether this is "host unreachable" of another packet than the one that came in: seconds after one that the host itself forwarded to a
 * neighbour who does not answer. The director says so at once, of the packet itself.
 */
export function isLateComplaint(bytes: Uint8Array, arrived: Uint8Array): boolean {
  const packet = parsed(bytes);
  if (packet === null) return false;
  const { transport, version } = packet;
  const isComplaint =
    (transport.kind === "icmp" && transport.type === 3 && transport.code === 1) ||
    (transport.kind === "icmpv6" && transport.type === 1 && transport.code === 3);
  if (!isComplaint) return false;
  const quoted = ETHERNET_LENGTH + (version === 6 ? 40 : 20) + ICMP_HEADER;
  return KEPT[version].some(
    ([from, to]) =>
      hex(bytes.subarray(quoted + from, quoted + to)) !==
      hex(arrived.subarray(ETHERNET_LENGTH + from, ETHERNET_LENGTH + to)),
  );
}

/** Whether this is what the host says to itself, of packets of its own: comes up on lo whenever it likes. */
export function isOwnComplaint(bytes: Uint8Array): boolean {
  const packet = parsed(bytes);
  if (packet === null) return false;
  const { transport, source, destination } = packet;
  return (transport.kind === "icmp" || transport.kind === "icmpv6") && hex(source) === hex(destination);
}

/** How many frames are to leave, and by which side. */
export function expectedFrames({ verdict, steps }: Explanation, { side }: RandomArrival) {
  if (verdict.kind === "answered") return { expected: 1, out: side };
  if (verdict.kind !== "sent") return { expected: 0, out: side };
  const hop = steps.find((step) => step.step === "next-hop");
  const isUnknown = hop?.step === "next-hop" && hop.known === "to-be-resolved";
  const out = verdict.interface === "d0" ? CLIENT_SIDE : SERVER_SIDE;
  return { expected: isUnknown ? 0 : verdict.packets, out };
}

export function compareFrames(
  explanation: Explanation,
  arrival: RandomArrival,
  { sent, up }: Reality,
  { expected, out }: { readonly expected: number; readonly out: number },
): void {
  const { verdict, steps, frame } = explanation;
  const packetOf = (bytes: Uint8Array, hasOwnHeader: boolean) =>
    comparable(bytes, hasOwnHeader).slice(2 * ETHERNET_LENGTH);
  if (verdict.kind === "kernel") {
    const goes = verdict.changed ? Buffer.from(frame!, "hex") : arrival.frame;
    assert.deepEqual(
      up.map((each) => packetOf(each, false)).slice(0, 1),
      [packetOf(goes, false)],
      "it goes up the stack",
    );
    return;
  }
  assert.equal(up.length, 0, "it does not go up the stack");
  for (const [side, frames] of sent) {
    assert.equal(frames.length, side === out ? expected : 0, `frames by ${INTERFACES.get(side)}`);
  }
  const last = sent.get(out)?.at(-1);
  if (last === undefined || frame === null) return;
  const isOwn =
    verdict.kind === "answered" || steps.some((step) => step.step === "rewrite" && step.outer !== null);
  assert.equal(packetOf(last, isOwn), packetOf(Buffer.from(frame, "hex"), isOwn), "the packet");
  const hop = steps.find((step) => step.step === "next-hop");
  if (hop?.step === "next-hop" && hop.mac !== null) {
    const mac = Array.from(last.subarray(0, 6), (byte) => byte.toString(16).padStart(2, "0")).join(":");
    assert.equal(mac, hop.mac, "the next hop");
  }
}

/** Whether lots were drawn, and fell on another server than in the explanation, though on one that it holds possible. */
export function isOtherwise(
  { steps, effects }: Explanation,
  entries: readonly ConnectionEntry[],
  { sent }: Reality,
): boolean {
  const choice = steps.find((step) => step.step === "schedule");
  if (choice?.step !== "schedule" || !choice.random || choice.chosen === null) return false;
  const made = steps.find((step) => step.step === "template-made");
  const entry = effects.connection ?? (made?.step === "template-made" ? made.entry : null);
  const possible = choice.candidates.filter(({ chance }) => chance !== null && chance > 0);
  if (entry !== null) {
    const found = entries.find((each) => isSameFlow(each, entry))?.destination;
    if (found === undefined || endpointText(found) === endpointText(entry.destination)) return false;
    // A server without a port of its own has the one that was asked for.
    const isForetold = possible.some(
      ({ server }) => server.address === found.address && (server.port === 0 || server.port === found.port),
    );
    assert.ok(isForetold, `${endpointText(found)} was not foretold`);
    return true;
  }
  const frame = [...sent.values()].flat().at(-1);
  // It may have come to a server whose neighbour has to be resolved first.
  if (frame === undefined) return possible.length > 1;
  const packet = parsed(frame);
  if (packet === null) return false;
  // An error of the director's own does not tell about which server it is.
  const { kind } = packet.transport;
  if (kind === "icmp" || kind === "icmpv6") return possible.length > 1;
  // Under direct routing the packet itself does not tell.
  const { destination } = endsOf(packet);
  const isChosen = ({ address, port }: Endpoint) =>
    address === destination.address && (port === 0 || destination.port === 0 || port === destination.port);
  if (isChosen(choice.chosen) || !possible.some(({ server }) => isChosen(server))) return false;
  return true;
}

export function isSameFlow(a: ConnectionEntry, b: ConnectionEntry): boolean {
  const key = ({ template, protocol, source, virtual }: ConnectionEntry) =>
    JSON.stringify([template, protocol, source, virtual]);
  return key(a) === key(b);
}

export function timeless(entry: ConnectionEntry): ConnectionEntry {
  return { ...entry, expires: 0 };
}

export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

function endpointText({ address, port }: Endpoint): string {
  return `${address} ${port}`;
}
