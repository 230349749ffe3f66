import assert from "node:assert/strict";
import { test } from "node:test";
import { disassemble } from "../../asm/index.ts";
import { StackLimitError } from "./errors.ts";
import { generate } from "./generate.ts";
import { printModule } from "./print.ts";
import { Random } from "./testing/random.ts";
import { randomModule } from "./testing/random-ir.ts";
import { randomInput, runCode, runIr } from "./testing/world.ts";

const CASES = Number(process.env.LVS_FUZZ_CASES ?? 1000);
const SEED = Number(process.env.LVS_FUZZ_SEED ?? 1);
const INPUTS = 3;

test(`${CASES} random modules do the same as IR and as eBPF`, () => {
  let compared = 0;
  for (let seed = SEED; seed < SEED + CASES; seed++) {
    const module = randomModule(seed, { size: 4 + (seed % 24) });
    const random = new Random(seed);
    let code: ReturnType<typeof generate>["instructions"];
    try {
      // With and without calls between functions.
      const options = seed % 2 === 0 ? {} : { smallFunction: 4, growth: 4 };
      code = generate(module, { name: "main", type: "schedCls", license: "MIT" }, options).instructions;
    } catch (error) {
      if (error instanceof StackLimitError) continue;
      throw new Error(`seed ${seed}:\n${printModule(module)}`, { cause: error });
    }
    for (let i = 0; i < INPUTS; i++) {
      const input = randomInput(random);
      const expected = runIr(module, input);
      let actual: typeof expected;
      try {
        actual = runCode(code, input);
      } catch (error) {
        throw new Error(`seed ${seed}:\n${printModule(module)}\n${disassemble(code)}`, { cause: error });
      }
      assert.deepEqual(actual, expected, `seed ${seed}:\n${printModule(module)}\n${disassemble(code)}`);
      compared++;
    }
  }
  assert.ok(compared > CASES * 2, `only ${compared} runs could be compared`);
});
