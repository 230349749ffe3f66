/**
 * `npm run fuzz:packets -- [--packets N] [--seed S] [--workers W] [--batch N] [--only BATCH [--check-every N]] [--compare N]`: packets through the datapath in the
 * kernel, hostile ones among valid ones. Prints what went wrong, and how to run that batch alone; exits with 1 if anything did.
 */
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { TestNetwork } from "../testing/network.ts";
import { Fuzzer } from "./batch.ts";
import { Comparer } from "./comparison.ts";
import { compileAll } from "./world.ts";

const { values } = parseArgs({
  options: {
    packets: { type: "string", default: "1000000" },
    seed: { type: "string" },
    workers: { type: "string", default: "1" },
    batch: { type: "string", default: "20000" },
    only: { type: "string" },
    "check-every": { type: "string" },
    compare: { type: "string", default: "10" },
    first: { type: "string", default: "0" },
    stride: { type: "string", default: "1" },
  },
});
const seed = Number(values.seed ?? Date.now() % 1_000_000_007);
const total = Number(values.packets);
const size = Number(values.batch);
const workers = Number(values.workers);

/** After how many packets of a batch its tables are looked through. */
const step = Number(values["check-every"] ?? size);
/** One in so many batches goes through the simulator, too, with so many packets. */
const comparisons = Number(values.compare);
const COMPARED = 2000;

/** Runs the batches first, first + stride, ... until so many packets have gone through. Answers whether all was right. */
async function fuzz(first: number, stride: number, packets: number): Promise<boolean> {
  const compiled = await compileAll();
  const network = new TestNetwork(`fuzz-${process.pid}`);
  const fuzzer = new Fuzzer(compiled, seed, network);
  const comparer = new Comparer(compiled, seed, network);
  const sum = {
    packets: 0,
    valid: 0,
    refused: 0,
    connections: 0,
    next: 0,
    shot: 0,
    redirect: 0,
    failures: 0,
    compared: 0,
  };
  const events = new Map<string, number>();
  const started = performance.now();
  let memory = 0;
  try {
    for (let i = 0, batch = first; sum.packets < packets && sum.failures < 100; i++, batch += stride) {
      const isComparison = batch % comparisons === 0;
      const result = isComparison ? comparer.run(batch, COMPARED) : fuzzer.run(batch, size, step);
      if (isComparison) sum.compared += result.packets;
      sum.packets += result.packets;
      sum.valid += result.valid;
      sum.refused += result.refused;
      sum.connections += result.connections;
      for (const name of ["next", "shot", "redirect"] as const) sum[name] += result.verdicts[name];
      sum.failures += result.failures.length;
      for (const [name, count] of Object.entries(result.events))
        events.set(name, (events.get(name) ?? 0) + count);
      for (const { packet, what, input, output } of result.failures) {
        console.log(`seed ${seed}, batch ${batch}, packet ${packet}: ${what}`);
        if (input !== undefined) console.log(`  in  ${input}`);
        if (output !== undefined) console.log(`  out ${output}`);
      }
      if (result.failures.length > 0)
        console.log(
          `  alone: npm run fuzz:packets -- --seed ${seed} --batch ${size} --compare ${comparisons} --only ${batch}`,
        );
      if (i <= 10 && sum.packets <= packets / 2) memory = process.memoryUsage.rss();
    }
  } finally {
    fuzzer.close();
    comparer.close();
    network.close();
  }
  const seconds = (performance.now() - started) / 1000;
  const grown = ((process.memoryUsage.rss() - memory) / 1048576).toFixed(0);
  console.log(
    `seed ${seed}: ${sum.packets} packets in ${seconds.toFixed(1)} s (${Math.round(sum.packets / seconds)}/s), ${sum.valid} of them valid, ${sum.compared} compared with the simulator: ` +
      `${sum.failures} wrong; hostile and valid: ${sum.next} passed, ${sum.shot} dropped, ${sum.redirect} sent; ` +
      `${sum.refused} no packets; ${sum.connections} connections; memory grew by ${grown} MiB`,
  );
  console.log(`events: ${[...events].map(([name, count]) => `${name} ${count}`).join(", ")}`);
  return sum.failures === 0;
}

/** Runs the batches in several processes. */
async function fuzzTogether(): Promise<boolean> {
  const share = Math.ceil(total / workers);
  const results = Array.from({ length: workers }, (_, i) => {
    const args = [
      "--seed",
      seed,
      "--batch",
      size,
      "--packets",
      share,
      "--first",
      i,
      "--compare",
      comparisons,
      "--stride",
      workers,
    ];
    const child = spawn(
      process.execPath,
      ["--enable-source-maps", fileURLToPath(import.meta.url), ...args.map(String)],
      { stdio: "inherit" },
    );
    return new Promise<boolean>((resolve) => child.once("exit", (code) => resolve(code === 0)));
  });
  return (await Promise.all(results)).every(Boolean);
}

if (values.only !== undefined) process.exitCode = (await fuzz(Number(values.only), 1, 1)) ? 0 : 1;
else if (workers > 1) process.exitCode = (await fuzzTogether()) ? 0 : 1;
else process.exitCode = (await fuzz(Number(values.first), Number(values.stride), total)) ? 0 : 1;
