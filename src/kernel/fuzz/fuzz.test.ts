/** A short run of the packet fuzzer (`npm run fuzz:packets` runs as many as are asked for). */
import assert from "node:assert/strict";
import { test } from "node:test";
import { TestNetwork } from "../testing/network.ts";
import { Fuzzer } from "./batch.ts";
import { Comparer } from "./comparison.ts";
import { compileAll } from "./world.ts";

const SEED = 20;
const BATCHES = 2;
const PACKETS = 20_000;
const COMPARED = 1500;

const skip = process.getuid?.() === 0 ? false : "loading programs into the kernel needs root";

test(`${BATCHES * PACKETS} hostile and valid packets`, { skip }, async () => {
  const compiled = await compileAll();
  const network = new TestNetwork(`fuzz-${process.pid}`);
  const fuzzer = new Fuzzer(compiled, SEED, network);
  const comparer = new Comparer(compiled, SEED, network);
  try {
    for (let batch = 0; batch < BATCHES; batch++) {
      const { packets, failures, verdicts } = fuzzer.run(batch, PACKETS);
      assert.deepEqual(failures, [], `seed ${SEED}, batch ${batch}`);
      assert.equal(packets, PACKETS);
      assert.ok(verdicts.redirect > PACKETS / 10, "many packets are sent on");
    }
    assert.deepEqual(
      comparer.run(BATCHES, COMPARED).failures,
      [],
      `seed ${SEED}, compared with the simulator`,
    );
  } finally {
    fuzzer.close();
    comparer.close();
    network.close();
  }
});
