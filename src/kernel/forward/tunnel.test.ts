/** Recorded hand-made packets through IPVS's tunnels, one by one through ours. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { TC_REDIRECT } from "../../bpf/index.ts";
import { SYSCTL_PMTU_DISC } from "../sysctls.ts";
import { settings } from "../tables.ts";
import { CLIENT_SIDE, SERVER_SIDE, type TestDirector } from "../testing/director.ts";
import { frame } from "../testing/frames.ts";
import { readRecording } from "../testing/recordings.ts";
import { comparable } from "./testing/comparable.ts";
import { tunnelEntry } from "./testing/entries.ts";
import { directorOf, through } from "./testing/through.ts";

function fromHex(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text, "hex"));
}

interface Scene {
  readonly scene: string;
  readonly argv: readonly string[];
  readonly setup: string;
  readonly packets: readonly {
    readonly received: string;
    readonly sent: readonly { readonly to: "client" | "server"; readonly packet: string }[];
  }[];
}

const SCENES = readRecording<readonly Scene[]>("tunnels.json").filter((each) => each.argv.includes("-i"));

function directorFor({ argv, setup }: Scene): { director: TestDirector; family: 4 | 6 } {
  const family = argv[3]!.startsWith("[") ? 6 : 4;
  const director = directorOf(family, `ipvsadm -A -u ${argv[3]} -s rr`, argv.join(" "));
  director.machine.run(() => {
    settings.at(0).sysctls[SYSCTL_PMTU_DISC] = setup.includes("pmtu_disc=0") ? 0 : 1;
  });
  return { director, family };
}

for (const scene of SCENES) {
  const tunnel = scene.argv.slice(6).join(" ");
  test(`${scene.scene}, ${tunnel}: the same packets as IPVS`, () => {
    const { director, family } = directorFor(scene);
    for (const { received, sent } of scene.packets) {
      if (received === "socket" || sent.length !== 1) continue;
      const expected = sent[0]!;
      // ICMPv6 errors are not ours to test.
      if (family === 6 && expected.to === "client") continue;
      const { verdict, packet, out } = through(director, tunnelEntry, frame("client", fromHex(received)));
      assert.equal(verdict, TC_REDIRECT);
      assert.equal(out, expected.to === "client" ? CLIENT_SIDE : SERVER_SIDE);
      const gue = tunnel.includes("gue");
      assert.equal(comparable(packet.bytes.subarray(14), gue), comparable(fromHex(expected.packet), gue));
      assert.equal(packet.data.getUint16(12), expected.packet.startsWith("4") ? 0x0800 : 0x86dd);
    }
  });
}
