/**
 * `npm run fuzz -- [--cases N] [--rounds N] [--seed N]`: differential cases, as many as asked for. A case is one
 * input of one generated program. Prints each difference with the seed that repeats it; exits with 1 if there are any.
 */
import { parseArgs } from "node:util";
import { runSeed, Worlds } from "./differential.ts";
import { generate } from "./generate.ts";

const { values } = parseArgs({
  options: {
    cases: { type: "string", default: "100000" },
    rounds: { type: "string", default: "100" },
    seed: { type: "string", default: "1" },
  },
});
const wanted = Number(values.cases);
const rounds = Number(values.rounds);
const worlds = new Worlds();
let cases = 0;
let bad = 0;
const started = performance.now();
let seed = Number(values.seed);
for (; cases < wanted && bad < 20; seed++) {
  try {
    const outcome = await runSeed(worlds, seed, rounds);
    cases += outcome.cases;
    for (const difference of outcome.differences) {
      bad++;
      console.log(
        `seed ${seed}, input ${difference.round}: ${difference.what}\n  kernel    ${difference.kernel}\n  simulator ${difference.simulator}`,
      );
    }
  } catch (error) {
    bad++;
    console.log(`seed ${seed}: ${error instanceof Error ? error.message : String(error)}`);
    if (process.env.LVS_FUZZ_SOURCE !== undefined) console.log(generate(seed).typescript);
  }
  if (process.stdout.isTTY)
    process.stdout.write(`\r${cases} cases, ${seed} programs, ${bad} differences\u001b[K`);
}
worlds.close();
const seconds = ((performance.now() - started) / 1000).toFixed(0);
console.log(`${cases} cases over ${seed - Number(values.seed)} programs in ${seconds} s: ${bad} differences`);
process.exitCode = bad === 0 ? 0 : 1;
