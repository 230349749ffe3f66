import assert from "node:assert/strict";
import { test } from "node:test";
import { createMachine } from "../../bpf/index.ts";
import {
  FROM_CLIENT,
  FROM_SERVER,
  STATE_CLOSE,
  STATE_CLOSE_WAIT,
  STATE_ESTABLISHED,
  STATE_NONE,
  STATE_SYN_RECV,
  STATE_SYN_SENT,
  STATE_SYNACK,
  STATE_TIME_WAIT,
} from "../tables.ts";
import { ACTIVE_STATES, activityOf } from "./activity.ts";
import { stateAfterSegment } from "./follow.ts";
import { segmentOf, stateAfter } from "./tcp-rules.ts";

const SYN = 2;
const ACK = 16;

test("a segment is what its first flag says: reset, open, close, acknowledge", () => {
  assert.equal(segmentOf(2 | 4 | 16), "reset");
  assert.equal(segmentOf(1 | 2), "open");
  assert.equal(segmentOf(1 | 16), "close");
  assert.equal(segmentOf(8 | 16), "acknowledge");
  assert.equal(segmentOf(8), null);
});

test("the table of the datapath is the rules", () => {
  createMachine().run(() => {
    for (const direction of [FROM_CLIENT, FROM_SERVER]) {
      for (let flags = 0; flags < 256; flags++) {
        for (let state = 0; state < 11; state++) {
          const expected = stateAfter(state, direction, flags);
          assert.equal(
            stateAfterSegment(state, direction, flags),
            expected,
            `${state} ${direction} ${flags}`,
          );
          assert.ok(expected >= 0 && expected < 11);
        }
      }
    }
  });
});

test("what is not in the recordings", () => {
  assert.equal(stateAfter(STATE_ESTABLISHED, FROM_CLIENT, SYN), STATE_ESTABLISHED, "data may be flowing");
  assert.equal(stateAfter(STATE_CLOSE_WAIT, FROM_SERVER, SYN), STATE_SYN_SENT);
  assert.equal(stateAfter(STATE_TIME_WAIT, FROM_SERVER, 4), STATE_TIME_WAIT);
  assert.equal(stateAfter(STATE_NONE, FROM_CLIENT, ACK), STATE_ESTABLISHED);
  assert.equal(stateAfter(STATE_CLOSE, FROM_CLIENT, 0), STATE_CLOSE);
});

test("active states are those of open and opening connections", () => {
  const active = [STATE_ESTABLISHED, STATE_SYN_SENT, STATE_SYN_RECV, STATE_SYNACK];
  for (let state = 0; state < 12; state++) {
    assert.equal(activityOf(state) === 0, active.includes(state), `state ${state}`);
  }
  assert.equal(
    ACTIVE_STATES,
    active.reduce((bits, state) => bits | (1 << state), 0),
  );
});
