import assert from "node:assert/strict";
import { test } from "node:test";
import { disassemble } from "../../asm/index.ts";
import { StackLimitError } from "./errors.ts";
import { generate } from "./generate.ts";
import { printModule } from "./print.ts";
import { parseModule } from "./testing/parse.ts";
import { lines } from "./testing/passes.ts";
import { randomModule } from "./testing/random-ir.ts";

const program = { name: "test", type: "schedCls", license: "MIT" } as const;

function compiled(text: string, packetRegisters: Readonly<Record<string, number>> = {}): string {
  const module = parseModule(text);
  for (const [name, reg] of Object.entries(packetRegisters)) {
    module.functions.get(name)!.packetRegisters.add(reg);
  }
  const { instructions } = generate(module, program, { bigEndian: false });
  return lines(disassemble(instructions, { numbers: false }));
}

test("a look-up: the key on the stack, the value tested, nothing moved twice", () => {
  const code = compiled(`
    function main(%0) {
      slot 0: key, 8 bytes
    b0:
      %1 = load4 [%0+8]
      %2 = slot 0
      store8 [%2+0], 0
      store4 [%2+0], %1
      %3 = map flows
      %4 = map_lookup_elem#1(%3, %2)
      branch eq %4, 0 ? b1 : b2
    b1:
      return 2
    b2:
      atomic add8 [%4+8], 1
      %5 = load4 [%0+0]
      %6 = swap32 %5
      store4 [%4+0], %6
      return 0
    }`);
  assert.equal(
    code,
    lines(`main:
      r6 = r1
      r1 = *(u32 *)(r6 +8)
      *(u64 *)(r10 -8) = 0
      *(u32 *)(r10 -8) = r1
      r1 = map[flows]
      r2 = r10
      r2 += -8
      call map_lookup_elem#1
      if r0 == 0x0 goto main.1
      r1 = 1
      lock *(u64 *)(r0 +8) += r1
      r1 = *(u32 *)(r6 +0)
      r1 = be32 r1
      *(u32 *)(r0 +0) = r1
      r0 = 0
      exit
      main.1:
      r0 = 2
      exit`),
  );
});

test("inlined tests of headers become one bounds check and direct loads", () => {
  const code = compiled(
    `
    function main(%0) {
    b0:
      %1 = call header(%0)
      branch eq %1, 0 ? b1 : b2
    b1:
      return -1
    b2:
      %2 = load2 [%1+12]
      %3 = swap16 %2
      branch eq %3, 2048 ? b3 : b1
    b3:
      return 0
    }
    inline function header(%0) {
    b0:
      %1 = load4 [%0+76]
      %2 = add64 %1, 14
      %3 = load4 [%0+80]
      branch gt %2, %3 ? b1 : b2
    b1:
      return 0
    b2:
      %4 = add64 %1, 0
      return %4
    }`,
    { header: 4 },
  );
  assert.equal(
    code,
    lines(`main:
      r2 = *(u32 *)(r1 +76)
      r3 = r2
      r3 += 14
      r1 = *(u32 *)(r1 +80)
      if r3 > r1 goto main.1
      r1 = *(u16 *)(r2 +12)
      if r1 == 0x8 goto main.3
      main.1:
      r0 = -1
      exit
      main.3:
      r0 = 0
      exit`),
  );
});

test("immediates go through registers to the context, and where they do not fit", () => {
  const code = compiled(`
    function main(%0) {
    b0:
      store4 [%0+8], 7
      %1 = load8 [%0+48]
      %2 = and64 %1, 0x1234567890
      %3 = xor64 %2, 0x80000000
      branch gt %3, 0xffffffff ? b1 : b2
    b1:
      return 1
    b2:
      return %3
    }`);
  assert.equal(
    code,
    lines(`main:
      r2 = 7
      *(u32 *)(r1 +8) = r2
      r0 = *(u64 *)(r1 +48)
      r1 = 0x1234567890
      r0 &= r1
      w1 = -2147483648
      r0 ^= r1
      w1 = -1
      if r0 <= r1 goto main.2
      r0 = 1
      exit
      main.2:
      exit`),
  );
});

test("more values than registers: the rest is on the stack, or is made again", () => {
  const loads = Array.from({ length: 14 }, (_, i) => `%${i + 2} = load8 [%1+${8 * i}]`).join("\n");
  const sums = Array.from({ length: 14 }, (_, i) => `%${i + 20} = add64 %${i + 2}, %${i === 0 ? 2 : i + 19}`);
  const code = compiled(`
    function main(%0) {
    b0:
      %1 = map data[0]+0
      ${loads}
      ${sums.join("\n")}
      return %33
    }`);
  assert.ok(code.includes("(r10 -8) = r"));
  assert.ok(!/r10 -(40|48|56)/.test(code), code);
});

test("the entry first, functions and maps that are used, lines where they change", () => {
  const module = parseModule(`
    function main(%0) {
    b0:
      %1 = function each
      %2 = map used
      %3 = for_each_map_elem#164(%2, %1, 0, 0)
      branch eq 1, 0 ? b1 : b2
    b1:
      %4 = map unused
      %5 = map_lookup_elem#1(%4, %0)
      return 1
    b2:
      return %3
    }
    function each(%0, %1, %2, %3) {
    b0:
      return 0
    }
    inline function gone(%0) {
    b0:
      return 0
    }`);
  const { functions, maps, instructions, lines: info } = generate(module, program);
  assert.deepEqual(
    functions.map(({ name }) => name),
    ["main", "each"],
  );
  assert.equal(instructions.find(({ label }) => label === "each")?.immediate, 0);
  assert.deepEqual(
    maps.map(({ name }) => name),
    ["used"],
  );
  assert.equal(info[0]?.start, 0);
  assert.ok(info.some(({ start }) => start === functions[1]!.start));
  assert.ok(info.every((line, i) => i === 0 || line.start > info[i - 1]!.start));
});

test("too much stack is an error that names the chain and the largest slots", () => {
  const module = parseModule(`
    function main(%0) {
      slot 0: Large, 400 bytes
    b0:
      %1 = slot 0
      %2 = skb_load_bytes#26(%0, 0, %1, 400)
      %3 = call inner(%0)
      %4 = skb_load_bytes#26(%0, 0, %1, 400)
      return %3
    }
    function inner(%0) {
      slot 0: Small, 100 bytes
    b0:
      %1 = slot 0
      %2 = skb_load_bytes#26(%0, 0, %1, 100)
      return %2
    }`);
  assert.throws(
    () => generate(module, program),
    (error) =>
      error instanceof StackLimitError &&
      error.code === "STACK_LIMIT" &&
      error.needed === 416 + 128 &&
      error.chain.join() === "main,inner" &&
      error.largest[0]?.name === "Large" &&
      /main → inner needs 544 bytes of stack, 512 are allowed/.test(error.message),
  );
});

test("what is printed can be read again", () => {
  for (let seed = 1; seed < 20; seed++) {
    const text = printModule(randomModule(seed));
    assert.equal(printModule(parseModule(text)), text);
  }
});
