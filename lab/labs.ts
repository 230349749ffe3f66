import type { Lab } from "./experiment.ts";
import { directByHand, directByOurs } from "./experiments/dr.ts";
import { fileTransfer } from "./experiments/ftp.ts";
import { fullNat } from "./experiments/fullnat.ts";
import { natByWeight } from "./experiments/nat.ts";
import { natInTurn } from "./experiments/nat-rr.ts";
import { persistence } from "./experiments/persistence.ts";
import { scale } from "./experiments/scale.ts";
import { tunnels } from "./experiments/tun.ts";

/** The labs there are. */
export const ALL_LABS: ReadonlyMap<string, Lab> = new Map([
  [
    "nat",
    new Map([
      ["wrr", natByWeight],
      ["rr", natInTurn],
    ]),
  ],
  [
    "dr",
    new Map([
      ["hand", directByHand],
      ["realserver", directByOurs],
    ]),
  ],
  ["tun", new Map([["all", tunnels]])],
  ["fullnat", new Map([["all", fullNat]])],
  ["persistence", new Map([["all", persistence]])],
  ["ftp", new Map([["all", fileTransfer]])],
  ["scale", new Map([["all", scale]])],
]);
