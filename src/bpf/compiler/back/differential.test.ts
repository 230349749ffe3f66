import assert from "node:assert/strict";
import { test } from "node:test";
import { disassemble } from "../../asm/index.ts";
import { StackLimitError } from "./errors.ts";
import { generate } from "./generate.ts";
import type { Graph } from "./graph.ts";
import { inlineFunctions } from "./inline.ts";
import { optimise } from "./optimise/optimise.ts";
import { printGraph, printModule } from "./print.ts";
import { functionOf } from "./testing/graphs.ts";
import { Random } from "./testing/random.ts";
import { randomModule } from "./testing/random-ir.ts";
import { randomInput, runCode, runIr } from "./testing/world.ts";

const CASES = Number(process.env.LVS_FUZZ_CASES ?? 1000);
const SEED = Number(process.env.LVS_FUZZ_SEED ?? 1);
const INPUTS = 3;

test("every pass keeps what random modules do", () => {
  for (let seed = SEED; seed < SEED + CASES / 20; seed++) {
    const module = randomModule(seed, { size: 16 });
    const input = randomInput(new Random(seed));
    const expected = runIr(module, input);
    const graphs = inlineFunctions(module, seed % 2 === 0 ? {} : { smallFunction: 4, growth: 4 });
    const functions = new Map([...graphs].map(([name, graph]) => [name, functionOf(graph)]));
    const check = (pass: string, graph: Graph) => {
      functions.set(graph.name, functionOf(graph));
      const actual = runIr({ entry: module.entry, functions }, input);
      assert.deepEqual(actual, expected, `seed ${seed}: ${pass} of ${graph.name}\n${printGraph(graph)}`);
    };
    for (const graph of graphs.values()) {
      optimise(graph, { isEntry: graph.name === module.entry, observe: check });
    }
  }
});

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
