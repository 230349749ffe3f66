/** Recorded hand-made packets through IPVS's tunnels, one by one through ours. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { TC_REDIRECT } from "../../bpf/index.ts";
import { CLIENT_SIDE, SERVER_SIDE } from "../testing/director.ts";
import { frame } from "../testing/frames.ts";
import { comparable } from "./testing/comparable.ts";
import { routeEntry, tunnelEntry } from "./testing/entries.ts";
import { through } from "./testing/through.ts";
import { directorFor, fromHex, SCENES } from "./testing/tunnel-scenes.ts";

for (const scene of SCENES) {
  const method = scene.argv.slice(6).join(" ");
  test(`${scene.scene}, ${method}: the same packets as IPVS`, () => {
    const { director } = directorFor(scene);
    const entry = scene.argv.includes("-g") ? routeEntry : tunnelEntry;
    // The way must be known, or nothing can be cut.
    through(director, entry, frame("client", fromHex(scene.packets.at(-1)!.received)));
    for (const { received, sent } of scene.packets) {
      if (received === "socket" || sent.length === 0) continue;
      const { verdict, packet, out } = through(director, entry, frame("client", fromHex(received)));
      assert.equal(verdict, TC_REDIRECT);
      const all = [...packet.clones.map((clone) => clone.packet.bytes), packet.bytes];
      const gue = method.includes("gue");
      assert.deepEqual(
        all.map((bytes) => comparable(bytes.subarray(14), gue)),
        sent.map((each) => comparable(fromHex(each.packet), gue)),
      );
      const to = sent[0]!.to === "client" ? CLIENT_SIDE : SERVER_SIDE;
      assert.deepEqual(
        [...packet.clones.map((clone) => clone.ifindex), out],
        sent.map(() => to),
      );
      assert.equal(packet.data.getUint16(12), sent[0]!.packet.startsWith("4") ? 0x0800 : 0x86dd);
      if (packet.clones.length === 0) continue;
      const identifications = new Set(all.map((bytes) => (bytes[12] === 8 ? bytes[19] : bytes[61])));
      assert.equal(identifications.size, 1, "of one packet");
      for (const bytes of all) assert.deepEqual(bytes.subarray(0, 12), all[0]!.subarray(0, 12));
    }
  });
}
