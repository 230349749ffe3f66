import assert from "node:assert/strict";
import { test } from "node:test";
import { disassemble } from "../../asm/index.ts";
import type { CompiledProgram } from "../../program.ts";
import { StackLimitError } from "./errors.ts";
import { generate } from "./generate.ts";
import { printModule } from "./print.ts";
import { KernelRunner } from "./testing/kernel.ts";
import { Random } from "./testing/random.ts";
import { randomModule } from "./testing/random-ir.ts";
import { randomInput, runIr } from "./testing/world.ts";

const CASES = Number(process.env.LVS_FUZZ_CASES ?? 300);
const SEED = Number(process.env.LVS_FUZZ_SEED ?? 1);
const skip = process.getuid?.() === 0 ? false : "needs root (bpf)";

test(`the kernel accepts ${CASES} random modules and runs them as their IR says`, { skip }, (t) => {
  const kernel = new KernelRunner();
  let ran = 0;
  let tooComplex = 0;
  for (let seed = SEED; seed < SEED + CASES; seed++) {
    const module = randomModule(seed, { size: 4 + (seed % 16) });
    let program: CompiledProgram;
    try {
      const options = seed % 2 === 0 ? {} : { smallFunction: 4, growth: 4 };
      program = generate(module, { name: "main", type: "schedCls", license: "Dual MIT/GPL" }, options);
    } catch (error) {
      if (error instanceof StackLimitError) continue;
      throw error;
    }
    const random = new Random(seed);
    const inputs = [randomInput(random), randomInput(random)];
    const result = kernel.run(program, inputs);
    const describe = () => `seed ${seed}\n${printModule(module)}\n${disassemble(program.instructions)}`;
    if (result.kind === "rejected") assert.fail(`${describe()}\n${result.message}`);
    if (result.kind === "tooComplex") {
      tooComplex++;
      continue;
    }
    for (const [index, outcome] of result.outcomes.entries()) {
      const expected = runIr(module, inputs[index]!);
      assert.deepEqual(outcome, { ...expected, value: BigInt.asUintN(32, expected.value) }, describe());
      ran++;
    }
  }
  kernel.close();
  t.diagnostic(`${ran} runs compared, ${tooComplex} modules too complex for the verifier`);
  assert.ok(ran > CASES, `only ${ran} runs could be compared`);
});
