/** Direct routing and tunnels in the kernel, on a real network: what IPVS was recorded to send, fragments included. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { inNetworkNamespace, setLink, withRouteSocket } from "../../linux/index.ts";
import { CLIENT_SIDE, SERVER_SIDE } from "../testing/director.ts";
import { frame } from "../testing/frames.ts";
import { compilePrograms, KernelDirector } from "../testing/kernel-director.ts";
import { TestNetwork } from "../testing/network.ts";
import { smallTables } from "../testing/small-tables.ts";
import { comparable } from "./testing/comparable.ts";
import { directorFor, fromHex, SCENES } from "./testing/tunnel-scenes.ts";

const skip = process.getuid?.() === 0 ? false : "loading programs into the kernel needs root";
const ENTRIES = smallTables(64);

let network: TestNetwork;
let kernel: KernelDirector;

before(async () => {
  if (skip) return;
  kernel = new KernelDirector(await compilePrograms(), ENTRIES);
  network = new TestNetwork(`fwd-${process.pid}`);
  kernel.attach(
    network.name,
    [CLIENT_SIDE, SERVER_SIDE].map((side) => network.indexOf(side)),
  );
});

after(() => {
  if (skip) return;
  network?.close();
  kernel?.close();
});

for (const scene of SCENES) {
  const method = scene.argv.slice(6).join(" ");
  test(`${scene.scene}, ${method}`, { skip }, () => {
    const { director } = directorFor(scene);
    kernel.configureAs(director);
    const mtu = director.mtus.get(SERVER_SIDE)!;
    inNetworkNamespace(network.name, () => withRouteSocket((route) => setLink(route, "d1", { mtu })));
    for (const { received, sent } of scene.packets) {
      if (received === "socket" || sent.length === 0) continue;
      network.send(CLIENT_SIDE, frame("client", fromHex(received)));
      const side = sent[0]!.to === "client" ? CLIENT_SIDE : SERVER_SIDE;
      const gue = method.includes("gue");
      assert.deepEqual(
        network.receive(side, 40).map((bytes) => comparable(bytes.subarray(14), gue)),
        sent.map((each) => comparable(fromHex(each.packet), gue)),
      );
    }
  });
}
