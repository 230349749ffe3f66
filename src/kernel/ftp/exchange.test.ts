/** Random sessions over a network that loses, repeats and reorders: what the client reads, against a model of both streams. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { TcpSegment } from "../../net/index.ts";
import {
  Dialogue,
  type Family,
  type Manner,
  optionBytes,
  SYN_OPTIONS,
} from "../forward/client-address/testing/dialogue.ts";
import { FORWARD_MASQ } from "../tables.ts";
import { randomNumbers } from "../testing/mutate.ts";
import { FTP_FAMILIES } from "./testing/session.ts";

const ROUNDS = 12;
const TURNS = 6;

/** A place of the server's stream, and how many bytes of it the client reads as how many. */
interface Edit {
  readonly start: number;
  readonly length: number;
  readonly written: number;
}

/** Where the client has the byte that the server has at `offset`, and so all before it. */
function inClients(edits: readonly Edit[], offset: number): number {
  let moved = 0;
  for (const { start, length, written } of edits) {
    if (offset >= start + length) moved += written - length;
    else if (offset > start) return start + moved + Math.min(offset - start, written - 1);
  }
  return offset + moved;
}

/** An end of a connection that receives. What it has it does not take again. */
class Receiver {
  readonly #bytes: (number | undefined)[] = [];
  readonly #first: number;
  next = 0;

  constructor(first: number) {
    this.#first = first;
  }

  take({ sequence, payload }: TcpSegment, most: number): void {
    const offset = (sequence - this.#first) | 0;
    for (let i = 0; i < Math.min(payload.length, most); i++) {
      const at = offset + i;
      if (at < this.next) continue;
      assert.ok((this.#bytes[at] ?? payload[i]) === payload[i], `byte ${at} is two things`);
      this.#bytes[at] = payload[i]!;
    }
    while (this.#bytes[this.next] !== undefined) this.next++;
  }

  get text(): string {
    return Buffer.from(this.#bytes.slice(0, this.next) as number[]).toString("latin1");
  }
}

interface Sent {
  readonly from: number;
  readonly to: number;
  readonly acknowledged: number;
  readonly manner: Manner;
}

/** Answers how many answers the client read with the virtual address. */
function exchange(family: Family, seed: number): number {
  const below = randomNumbers(seed);
  const chance = (percent: number) => below(100) < percent;
  const dialogue = new Dialogue(family, 0, { method: FORWARD_MASQ });
  const clientFirst = chance(30) ? (0 - below(100)) >>> 0 : below(2 ** 32);
  const serverFirst = chance(30) ? (0 - below(100)) >>> 0 : below(2 ** 32);
  const options = optionBytes(...SYN_OPTIONS);
  dialogue.client("S", { sequence: (clientFirst - 1) >>> 0, options });
  dialogue.server("SA", { sequence: (serverFirst - 1) >>> 0, acknowledgement: clientFirst, options });

  const client = new Receiver(serverFirst);
  const server = new Receiver(clientFirst);
  const named = family.server.replace(/:\d+$/, "").replaceAll(".", ",");
  const virtual = family.virtual.replace(/:\d+$/, "").replaceAll(".", ",");
  let commands = "";
  let answers = "220 Hello\r\n";
  let asked = 0;
  let answered = 0;
  /** What each end knows the other to have of its stream. */
  let clientKnown = 0;
  let serverKnown = 0;
  const toServer: Sent[] = [];
  const toClient: Sent[] = [];

  /** The edits that the client's text shows, as far as it has come. */
  const edits = (): Edit[] => {
    const list: Edit[] = [];
    let moved = 0;
    for (const match of answers.matchAll(/227 .*?\((\d+,\d+,\d+,\d+),\d+,\d+\)/g)) {
      const start = match.index + match[0].indexOf("(") + 1;
      const length = match[0].length - match[0].indexOf("(") - 2;
      const ports = match[0].slice(match[0].indexOf("(") + 1 + match[1]!.length, -1);
      if (!client.text.startsWith(`${virtual}${ports})`, start + moved)) continue;
      const written = virtual.length + ports.length;
      list.push({ start, length, written });
      moved += written - length;
    }
    return list;
  };

  const pick = (stream: string, known: number, acknowledged: number): Sent => {
    const from = chance(70) ? known : below(stream.length + 1);
    const to = chance(70) ? stream.length : Math.min(stream.length, from + below(60));
    const isSuper = to - from > 60 && chance(20);
    const manner = { partial: isSuper || chance(40), gsoSize: isSuper ? 40 : 0 };
    return { from, to, acknowledged, manner };
  };
  const numbers = (first: number, other: number, { from, to, acknowledged }: Sent, stream: string) => ({
    sequence: (first + from) >>> 0,
    acknowledgement: (other + acknowledged) >>> 0,
    payload: Uint8Array.from(Buffer.from(stream.slice(from, to), "latin1")),
  });

  const deliverToServer = (sent: Sent): void => {
    const segments = dialogue.client("PA", numbers(clientFirst, serverFirst, sent, commands), sent.manner);
    assert.ok(segments.length > 0);
    for (const segment of segments) {
      const known = (segment.acknowledgement - serverFirst) | 0;
      assert.ok(known <= answers.length, "nothing is acknowledged that was not sent");
      assert.ok(inClients(edits(), known) <= client.next, "nothing is acknowledged that was not read");
      serverKnown = Math.max(serverKnown, known);
      server.take(segment, chance(10) ? below(4) : Infinity);
    }
  };
  const deliverToClient = (sent: Sent): void => {
    const segments = dialogue.server("PA", numbers(serverFirst, clientFirst, sent, answers), sent.manner);
    for (const segment of segments) {
      const known = (segment.acknowledgement - clientFirst) | 0;
      assert.equal(known, sent.acknowledged);
      clientKnown = Math.max(clientKnown, known);
      client.take(segment, chance(30) ? below(80) : Infinity);
    }
  };

  for (let step = 0; step < 4000; step++) {
    // The client asks when it has read the last answer, the server answers what it has read.
    if (
      asked === answered &&
      client.text.split("\r\n227 ").length > asked &&
      client.text.endsWith("\r\n") &&
      asked < TURNS
    ) {
      commands += `${chance(50) ? "NOOP\r\n" : ""}PASV\r\n`;
      asked++;
    }
    if (server.text.split("PASV\r\n").length - 1 > answered) {
      const port = 1024 + below(64000);
      const before = chance(50) ? `200 ${"x".repeat(below(80))}\r\n` : "";
      answers += `${before}227 Entering Passive Mode (${named},${port >> 8},${port & 255}).${" ".repeat(below(3))}\r\n`;
      answered++;
    }
    if (chance(60)) toServer.push(pick(commands, clientKnown, client.next));
    if (chance(60)) toClient.push(pick(answers, serverKnown, server.next));
    for (const [queue, deliver] of [
      [toServer, deliverToServer],
      [toClient, deliverToClient],
    ] as const) {
      if (queue.length === 0 || chance(30)) continue;
      const at = chance(60) ? 0 : below(queue.length);
      const sent = queue[at]!;
      if (!chance(15)) queue.splice(at, 1);
      if (!chance(20)) deliver(sent);
      if (queue.length > 12) queue.shift();
    }
    if (answered === TURNS && serverKnown === answers.length && clientKnown === commands.length) break;
  }
  assert.equal(answered, TURNS);
  assert.equal(server.text, commands);
  assert.equal(serverKnown, answers.length, "all of the server's stream has arrived");
  const read = client.text.split("\r\n");
  for (const [i, line] of answers.split("\r\n").entries()) {
    if (read[i] !== line) assert.equal(read[i], line.replace(named, virtual));
  }
  return edits().length;
}

/** Texts that grow, shrink, and stay as long as they are. */
const ADDRESSES = [
  ["192.0.2.1", "10.0.0.1"],
  ["192.100.200.101", "10.0.0.1"],
  ["1.1.1.1", "10.0.0.254"],
  ["192.0.2.1", "10.0.0.10"],
] as const;

for (const [virtual, server] of ADDRESSES) {
  test(`the client reads the server's stream with another address: ${virtual} for ${server}`, () => {
    const family: Family = { ...FTP_FAMILIES[0]!, virtual: `${virtual}:21`, server: `${server}:21` };
    let edited = 0;
    for (let seed = 1; seed <= ROUNDS; seed++) {
      try {
        edited += exchange(family, seed);
      } catch (error) {
        throw new Error(`seed ${seed}`, { cause: error });
      }
    }
    assert.ok(edited > ROUNDS * TURNS * 0.5, `${edited} of ${ROUNDS * TURNS} answers`);
  });
}
