/** `npm run fuzz:explain -- --configurations N --seed S`: what `lvs explain` says, and what then really happens. Needs root. */
import { parseArgs } from "node:util";
import { runTrials } from "./trials.ts";

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

const started = performance.now();
const tally = await runTrials({ seed, first, configurations: count, packets });
const seconds = ((performance.now() - started) / 1000).toFixed(0);
console.log(
  `${count} configurations of seed ${seed}, ${packets} packets each: all as foretold, ${seconds} s`,
);
for (const [what, times] of [...tally].sort()) console.log(`  ${String(times).padStart(6)} ${what}`);
