/** Random exchanges over a network that loses, repeats and reorders, through the translation: against a model of both streams. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { TcpSegment } from "../../../net/index.ts";
import { POOL_PROXY } from "../../tables.ts";
import {
  Dialogue,
  FAMILIES,
  type Family,
  hex,
  type Manner,
  optionBytes,
  SYN_OPTIONS,
} from "./testing/dialogue.ts";

const ROUNDS = 30;

/** Numbers in 0 … 2³²−1, the same for the same seed (Numerical Recipes' LCG, its upper bits). */
class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  below(limit: number): number {
    this.#state = (Math.imul(this.#state, 1664525) + 1013904223) >>> 0;
    return Math.floor((this.#state / 2 ** 32) * limit);
  }

  chance(percent: number): boolean {
    return this.below(100) < percent;
  }
}

/** An end of a connection that receives: which bytes of the other's stream it has. */
class Receiver {
  readonly #has: boolean[] = [];
  readonly expected: Uint8Array;
  readonly #first: number;
  finished = false;

  constructor(expected: Uint8Array, first: number) {
    this.expected = expected;
    this.#first = first;
  }

  /** How much it has without a gap; with the FIN, one more. */
  get next(): number {
    const gap = this.#has.findIndex((each) => !each);
    const bytes = gap < 0 ? this.#has.length : gap;
    return bytes === this.expected.length && this.finished ? bytes + 1 : bytes;
  }

  take({ sequence, payload, flags }: TcpSegment, most: number): void {
    const offset = (sequence - this.#first) | 0;
    // A keepalive, or a probe: one byte before the next.
    if (offset < 0) {
      assert.ok(offset >= -1 && payload.length === 0, `offset ${offset}`);
      return;
    }
    assert.equal(hex(payload), hex(this.expected.subarray(offset, offset + payload.length)), "the stream");
    const count = Math.min(payload.length, most);
    for (let i = 0; i < count; i++) {
      while (this.#has.length < offset + i) this.#has.push(false);
      this.#has[offset + i] = true;
    }
    if ((flags & 1) !== 0 && count === payload.length) {
      assert.equal(offset + payload.length, this.expected.length, "where the FIN is");
      this.finished = true;
    }
  }
}

interface Sent {
  readonly flags: string;
  readonly from: number;
  readonly to: number;
  readonly acknowledged: number;
  readonly manner: Manner;
}

function exchange(family: Family, seed: number): void {
  const dice = new Dice(seed);
  const dialogue = new Dialogue(family, POOL_PROXY);
  const header = Buffer.from(family.proxy, "hex");
  const clientStream = Uint8Array.from({ length: dice.below(dice.chance(50) ? 6000 : 60) }, () =>
    dice.below(256),
  );
  const serverStream = Uint8Array.from({ length: dice.below(2000) }, () => dice.below(256));
  const clientFirst = dice.chance(30) ? (0 - dice.below(3000)) >>> 0 : dice.below(2 ** 32);
  const serverFirst = dice.below(2 ** 32);
  const server = new Receiver(Buffer.concat([header, clientStream]), clientFirst);
  const client = new Receiver(serverStream, serverFirst);
  /** What the client knows that the server has: of its own stream. */
  let known = 0;
  let serverKnown = 0;
  const options = optionBytes(...SYN_OPTIONS);
  for (let i = 0; i <= dice.below(3); i++)
    dialogue.client("S", { sequence: (clientFirst - 1) >>> 0, options });
  const synAck = { sequence: (serverFirst - 1) >>> 0, acknowledgement: clientFirst, options };
  dialogue.server("SA", synAck);

  /** In flight. */
  const toServer: Sent[] = [];
  const toClient: Sent[] = [];

  const pick = (stream: Uint8Array, done: number, acknowledged: number): Sent => {
    const limit = Math.min(stream.length, done + 3000);
    let from = dice.chance(40) ? Math.min(done, limit) : done + dice.below(Math.max(limit - done, 0) + 1);
    from = Math.min(from, stream.length);
    const to = dice.chance(25) ? from : Math.min(limit, from + 1 + dice.below(1300));
    const isLast = to === stream.length && dice.chance(60);
    const gsoSize = to - from > 600 && dice.chance(30) ? 500 : 0;
    const manner = { partial: gsoSize !== 0 || dice.chance(40), gsoSize };
    return { flags: isLast ? "FA" : dice.chance(50) ? "A" : "PA", from, to, acknowledged, manner };
  };

  const deliverToServer = (sent: Sent): void => {
    const segments = dialogue.client(
      sent.flags,
      {
        sequence: (clientFirst + sent.from) >>> 0,
        acknowledgement: (serverFirst + sent.acknowledged) >>> 0,
        payload: clientStream.subarray(Math.max(sent.from, 0), sent.to),
      },
      sent.manner,
    );
    assert.ok(segments.length > 0);
    for (const segment of segments) {
      assert.equal(segment.acknowledgement, (serverFirst + sent.acknowledged) >>> 0);
      // Now and then it takes a part only.
      server.take(segment, dice.chance(10) ? dice.below(40) : Infinity);
      serverKnown = Math.max(serverKnown, sent.acknowledged);
    }
  };

  const deliverToClient = (sent: Sent): void => {
    const segments = dialogue.server(
      sent.flags,
      {
        sequence: (serverFirst + sent.from) >>> 0,
        acknowledgement: (clientFirst + sent.acknowledged) >>> 0,
        payload: serverStream.subarray(sent.from, sent.to),
      },
      sent.manner,
    );
    for (const segment of segments) {
      const now = (segment.acknowledgement - clientFirst) | 0;
      const right = sent.acknowledged - header.length;
      assert.ok(now === Math.max(right, 0) || (right < 0 && now === right), `${now} for ${right}`);
      known = Math.max(known, now);
      client.take(segment, Infinity);
    }
  };

  for (let step = 0; step < 1000; step++) {
    if (dice.chance(60)) toServer.push(pick(clientStream, Math.min(known, clientStream.length), client.next));
    if (dice.chance(10))
      toServer.push({ flags: "A", from: known - 1, to: 0, acknowledged: client.next, manner: {} });
    if (dice.chance(60)) {
      toClient.push(pick(serverStream, Math.min(serverKnown, serverStream.length), server.next));
    }
    for (const [queue, deliver] of [
      [toServer, deliverToServer],
      [toClient, deliverToClient],
    ] as const) {
      if (queue.length === 0 || dice.chance(30)) continue;
      const at = dice.chance(60) ? 0 : dice.below(queue.length);
      const sent = queue[at]!;
      if (!dice.chance(15)) queue.splice(at, 1);
      if (!dice.chance(20)) deliver(sent);
    }
    if (known === clientStream.length + 1 && serverKnown === serverStream.length + 1) break;
  }
  assert.equal(known, clientStream.length + 1, "all of the client's stream has arrived");
  assert.equal(serverKnown, serverStream.length + 1, "all of the server's stream has arrived");
}

for (const family of FAMILIES) {
  test(`the server's stream is the header and the client's bytes, ${family.name}`, () => {
    for (let seed = 1; seed <= ROUNDS; seed++) {
      try {
        exchange(family, seed);
      } catch (error) {
        throw new Error(`seed ${seed}`, { cause: error });
      }
    }
  });
}
