/** Recorded ICMP errors and fragments through IPVS, one by one through the datapath. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { TC_NEXT, TC_REDIRECT } from "../../bpf/index.ts";
import { CLIENT_SIDE, type Outcome, SERVER_SIDE, type TestDirector } from "../testing/director.ts";
import { receiveAll } from "../testing/fragments.ts";
import { frame } from "../testing/frames.ts";
import {
  directorOf,
  fromHex,
  isDifferent,
  isForwarded,
  isReset,
  SCENES,
  type Scene,
  SERVER,
  type Step,
  textOf,
} from "./testing/scenes.ts";

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
  assert.deepEqual(textOf(scene, step, sent), textOf(scene, step, mine));
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
