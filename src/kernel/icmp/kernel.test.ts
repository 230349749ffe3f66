/** Recorded ICMP errors and fragments, through the datapath in the kernel and over real wires. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { CLIENT_SIDE, SERVER_SIDE } from "../testing/director.ts";
import { frame } from "../testing/frames.ts";
import { compilePrograms, KernelDirector } from "../testing/kernel-director.ts";
import { TestNetwork } from "../testing/network.ts";
import { smallTables } from "../testing/small-tables.ts";
import {
  directorOf,
  fromHex,
  isDifferent,
  isReset,
  mtuOf,
  SCENES,
  type Scene,
  type Step,
  textOf,
} from "./testing/scenes.ts";

const skip = process.getuid?.() === 0 ? false : "loading programs into the kernel needs root";
const ENTRIES = smallTables(1024);

/** Ticks between scenes, so that one does not use up the other's share of ICMP errors. */
let ticks = 8;

/** How long to wait for a packet that is to come, and for those that are not, ms. */
const PATIENCE = 300;
const SILENCE = 15;

let network: TestNetwork;
let director: KernelDirector;

before(async () => {
  if (skip) return;
  director = new KernelDirector(await compilePrograms(), ENTRIES);
  network = new TestNetwork(`icmp-${process.pid}`);
  director.attach(
    network.name,
    [CLIENT_SIDE, SERVER_SIDE].map((side) => network.indexOf(side)),
  );
});

after(() => {
  network?.close();
  director?.close();
});

/** What the director sends of a step's packets. */
function play(step: Step): { to: "client" | "server"; packet: Uint8Array }[] {
  for (const hex of [step.packet, ...(step.more ?? [])]) {
    network.send(step.from === "client" ? CLIENT_SIDE : SERVER_SIDE, frame(step.from, fromHex(hex)));
  }
  const sent: { to: "client" | "server"; packet: Uint8Array }[] = [];
  for (const [side, to] of [
    [CLIENT_SIDE, "client"],
    [SERVER_SIDE, "server"],
  ] as const) {
    const expected = step.sent.filter((each) => each.to === to).length;
    const packets =
      expected === 0 ? network.receive(side, SILENCE) : network.receive(side, PATIENCE, expected);
    for (const bytes of packets) sent.push({ to, packet: bytes.subarray(14) });
  }
  return sent;
}

function assertSent(scene: Scene, step: Step): void {
  const sent = play(step);
  if (isDifferent(scene, step)) return;
  const expected = step.sent.map(({ to, packet }) => ({ to, packet: fromHex(packet) }));
  const text = (list: readonly { to: "client" | "server"; packet: Uint8Array }[]) =>
    textOf(
      scene,
      step,
      list.filter(({ packet }) => !isReset(packet)),
    );
  assert.deepEqual(text(sent), text(expected), step.note);
}

for (const scene of SCENES) {
  test(scene.scene, { skip }, () => {
    director.configureAs(directorOf(scene));
    director.clear();
    ticks += 8;
    director.advance(ticks);
    network.setMtu(SERVER_SIDE, mtuOf(scene));
    for (const step of scene.steps) assertSent(scene, step);
  });
}
