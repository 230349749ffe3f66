/** `npm run fuzz:explain -- --configurations N --seed S`: what `lvs explain` says, and what then really happens. Needs root. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { MNT_DETACH, umount } from "../../../linux/index.ts";
import { optionsIn, Trial } from "./trial.ts";

const { values } = parseArgs({
  options: {
    configurations: { type: "string", default: "1000" },
    packets: { type: "string", default: "3" },
    seed: { type: "string", default: String(Math.floor(Math.random() * 2 ** 32)) },
    first: { type: "string", default: "0" },
  },
});
const [count, packets, seed, first] = [values.configurations, values.packets, values.seed, values.first].map(
  Number,
) as [number, number, number, number];

const folder = mkdtempSync(join(tmpdir(), "lvs-explain-"));
const trial = await Trial.open(`explain-${process.pid}`, optionsIn(folder));
const started = performance.now();
try {
  for (let number = first; number < first + count; number++) trial.configuration(seed, number, packets);
} finally {
  trial.close();
  umount(join(folder, "run", "bpf"), MNT_DETACH);
  rmSync(folder, { recursive: true, force: true });
}
const seconds = ((performance.now() - started) / 1000).toFixed(0);
console.log(
  `${count} configurations of seed ${seed}, ${packets} packets each: all as foretold, ${seconds} s`,
);
for (const [what, times] of [...trial.tally].sort()) console.log(`  ${String(times).padStart(6)} ${what}`);
