/** Recorded hand-made packets through IPVS's tunnels and direct routing (recordings/tunnels.json). */
import { SERVER_SIDE, type TestDirector } from "../../testing/director.ts";
import { readRecording } from "../../testing/recordings.ts";
import { directorOf } from "./through.ts";

export function fromHex(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text, "hex"));
}

export interface Scene {
  readonly scene: string;
  readonly argv: readonly string[];
  readonly setup: string;
  readonly packets: readonly {
    readonly received: string;
    readonly sent: readonly { readonly to: "client" | "server"; readonly packet: string }[];
  }[];
}

export const SCENES = readRecording<readonly Scene[]>("tunnels.json").filter(
  (each) => !each.argv.includes("-m"),
);

export function directorFor({ argv, setup }: Scene): { director: TestDirector; family: 4 | 6 } {
  const family = argv[3]!.startsWith("[") ? 6 : 4;
  const director = directorOf(family, `ipvsadm -A -u ${argv[3]} -s rr`, argv.join(" "));
  director.configuration.setSysctl("pmtu_disc", setup.includes("pmtu_disc=0") ? 0 : 1);
  const mtu = /ip link set d1 mtu (\d+)/.exec(setup)?.[1];
  if (mtu !== undefined) director.mtus.set(SERVER_SIDE, Number(mtu));
  return { director, family };
}
