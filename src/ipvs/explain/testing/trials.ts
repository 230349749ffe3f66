/** Many random configurations, each of its number: a share of them with rules, which are a director of their own. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MNT_DETACH, umount } from "../../../linux/index.ts";
import type { DirectorOptions } from "../../director/places.ts";
import type { Tally } from "./tally.ts";
import { Trial } from "./trial.ts";

/** One in so many configurations has rules. */
const WITH_RULES = 3;

/** Which configurations, and how many packets are explained in each. */
export interface TrialsOptions {
  readonly seed: number;
  readonly first?: number;
  readonly configurations: number;
  readonly packets: number;
}

/** A director of its own in a folder; compiled programs are kept there, too, or where LVS_CACHE_DIRECTORY says. */
export function optionsIn(folder: string): DirectorOptions {
  const cacheDirectory = process.env.LVS_CACHE_DIRECTORY ?? join(folder, "cache");
  return { stateDirectory: join(folder, "run"), cacheDirectory, connections: 512 };
}

/** Needs root, and a kernel with tcx links. Rejects with an AssertionError where an explanation was wrong. */
export async function runTrials({ seed, first = 0, configurations, packets }: TrialsOptions): Promise<Tally> {
  const tally: Tally = new Map();
  const folder = mkdtempSync(join(tmpdir(), "lvs-explain-"));
  try {
    for (const rules of [false, true]) {
      const name = `explain${rules ? "-rules" : ""}-${process.pid}`;
      const trial = await Trial.open(name, optionsIn(folder), { rules });
      try {
        for (let number = first; number < first + configurations; number++) {
          if ((number % WITH_RULES === 0) === rules) trial.configuration(seed, number, packets);
        }
      } finally {
        trial.close();
      }
      for (const [what, times] of trial.tally) tally.set(what, (tally.get(what) ?? 0) + times);
    }
  } finally {
    umount(join(folder, "run", "bpf"), MNT_DETACH);
    rmSync(folder, { recursive: true, force: true });
  }
  return tally;
}
