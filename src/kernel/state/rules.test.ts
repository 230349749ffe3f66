/** The tables of states against what was recorded of any packet in any state (recordings/transitions). */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createMachine } from "../../bpf/index.ts";
import {
  DEFENCE_SECURE_TCP,
  FROM_CLIENT,
  FROM_SERVER,
  KIND_NO_OUTPUT,
  pressure,
  STATE_NAMES,
  STATE_SCTP,
} from "../tables.ts";
import { readRecording } from "../testing/recordings.ts";
import { ACTIVE_STATES, activityOf } from "./activity.ts";
import { DEFAULT_TIMEOUTS } from "./default-timeouts.ts";
import { stateAfterChunk, stateAfterSegment } from "./follow.ts";
import { ROW_INPUT_ONLY, ROW_SECURE, ROW_SERVER } from "./rules.ts";
import { eventOf } from "./sctp-event.ts";
import { SCTP_ROWS, sctpStateAfter } from "./sctp-rules.ts";
import { EVENT_COOKIE_ABORT } from "./sctp-states.ts";
import { segmentOf, stateAfter, TCP_ROWS } from "./tcp-rules.ts";

interface Transitions {
  readonly id: string;
  readonly protocol: "TCP" | "SCTP";
  readonly mode: "nat" | "dr" | "tun";
  readonly sysctl: Readonly<Record<string, number>>;
  /** By state, side, next state ("": no connection): the packets. */
  readonly changes: Readonly<Record<string, Record<"client" | "server", Record<string, readonly string[]>>>>;
}

const FLAGS = "FSRPA";
const CHUNKS = [
  ...["DATA", "INIT", "INIT-ACK", "SACK", "HEARTBEAT", "HEARTBEAT-ACK", "ABORT", "SHUTDOWN", "SHUTDOWN-ACK"],
  ...["ERROR", "COOKIE-ECHO", "COOKIE-ACK", "ECNE", "CWR", "SHUTDOWN-COMPLETE", "AUTH"],
];

function numberOf(protocol: string, name: string): number {
  return STATE_NAMES.indexOf(name as "NONE", protocol === "SCTP" ? STATE_SCTP : 0);
}

function flagsOf(letters: string): number {
  return [...letters].reduce((bits, letter) => bits | (1 << FLAGS.indexOf(letter)), 0);
}

function eventNumber(packet: string): number {
  const [first = "", second] = packet.split("+");
  const event = eventOf(CHUNKS.includes(first) ? CHUNKS.indexOf(first) : 0xc1);
  return second === "ABORT" && first.startsWith("COOKIE") ? EVENT_COOKIE_ABORT : event;
}

for (const name of ["tcp", "sctp"]) {
  for (const { id, protocol, mode, sysctl, changes } of readRecording<Transitions[]>(
    `transitions/${name}.json`,
  )) {
    // Where ports are reused, another connection begins: reuse.test.ts.
    if (sysctl["net/ipv4/vs/conn_reuse_mode"] !== 0) continue;
    test(`transitions/${name}: ${id}`, () => {
      const secure = protocol === "TCP" && sysctl["net/ipv4/vs/secure_tcp"] === 3 ? ROW_SECURE : 0;
      let checked = 0;
      for (const [state, sides] of Object.entries(changes)) {
        for (const [side, nexts] of Object.entries(sides)) {
          const row = secure | (mode === "nat" ? 0 : ROW_INPUT_ONLY) | (side === "server" ? ROW_SERVER : 0);
          for (const [next, packets] of Object.entries(nexts)) {
            if (next === "") continue;
            for (const packet of packets) {
              const from = numberOf(protocol, state);
              const got =
                protocol === "TCP"
                  ? stateAfter(from, row, flagsOf(packet))
                  : sctpStateAfter(from, row, eventNumber(packet));
              assert.equal(STATE_NAMES[got], next, `${state}: ${side} ${packet}`);
              checked += 1;
            }
          }
        }
      }
      assert.ok(checked > 20, `${checked} transitions`);
    });
  }
}

test("a segment is what its first flag says: reset, open, close, acknowledge", () => {
  assert.equal(segmentOf(2 | 4 | 16), "reset");
  assert.equal(segmentOf(1 | 2), "open");
  assert.equal(segmentOf(1 | 16), "close");
  assert.equal(segmentOf(8 | 16), "acknowledge");
  assert.equal(segmentOf(8), "nothing");
});

test("the tables of the datapath are the rules", () => {
  createMachine().run(() => {
    for (let row = 0; row < TCP_ROWS; row++) {
      const kind = (row & ROW_INPUT_ONLY) === 0 ? 0 : KIND_NO_OUTPUT;
      const direction = (row & ROW_SERVER) === 0 ? FROM_CLIENT : FROM_SERVER;
      pressure.at(0).defence = (row & ROW_SECURE) === 0 ? 0 : DEFENCE_SECURE_TCP;
      for (let flags = 0; flags < 256; flags++) {
        for (let state = 0; state < 11; state++) {
          const expected = stateAfter(state, row, flags);
          assert.equal(
            stateAfterSegment(state, kind, direction, flags),
            expected,
            `${row} ${state} ${flags}`,
          );
          assert.ok(expected >= 0 && expected < 11);
        }
      }
      if (row >= SCTP_ROWS) continue;
      for (let event = 0; event < 16; event++) {
        for (let state = STATE_SCTP; state < STATE_SCTP + 14; state++) {
          const expected = sctpStateAfter(state, row, event);
          assert.equal(stateAfterChunk(state, kind, direction, event), expected, `${row} ${state} ${event}`);
          assert.ok(expected >= STATE_SCTP && expected < STATE_SCTP + 14);
        }
      }
    }
  });
});

test("states count and last as recorded", () => {
  interface Activity {
    readonly protocol: string;
    readonly state: string;
    readonly active: number;
  }
  for (const { protocol, state, active } of readRecording<Activity[]>("transitions/activity.json")) {
    assert.equal(activityOf(numberOf(protocol, state)) === 0 ? 1 : 0, active, `${protocol} ${state}`);
  }
  assert.equal(ACTIVE_STATES, 0x100040e);
  interface Timeout {
    readonly protocol: string;
    readonly state: string;
    readonly seconds: number;
  }
  for (const { protocol, state, seconds } of readRecording<Timeout[]>("transitions/timeouts.json")) {
    assert.equal(DEFAULT_TIMEOUTS[numberOf(protocol, state)], seconds, `${protocol} ${state}`);
  }
});
