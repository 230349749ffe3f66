/** Modules as files: source maps, imports, re-exports, values of the evaluated module, options. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { printModule } from "../back/print.ts";
import { fileSources, lowerModule, sourceOfCompiled } from "./index.ts";
import { lowerText, textModule } from "./testing/text-module.ts";

const module = new URL("./testing/modules/entry.js", import.meta.url).href;

describe("modules", () => {
  it("finds the source of a compiled module by its source map", () => {
    const path = sourceOfCompiled(module);
    assert.match(path, /src\/bpf\/compiler\/front\/testing\/modules\/entry\.ts$/);
    assert.equal(sourceOfCompiled("file:///a/dist/src/kernel/x.js"), "/a/src/kernel/x.ts");
    assert.equal(sourceOfCompiled("file:///a/src/kernel/x.ts"), "/a/src/kernel/x.ts");
  });

  it("follows functions through imports and re-exports, and takes values as they were evaluated", async () => {
    const ir = await lowerModule({ entry: { module, name: "entry" }, sources: fileSources() });
    assert.deepEqual([...ir.functions.keys()], ["entry", "areaOf", "hidden"]);
    const text = printModule(ir);
    assert.match(text, /branch gt %1, 100/);
    assert.match(text, /call areaOf\(3\)|areaOf\(3\)/);
    assert.match(text, /mul32 %0, 5/);
    const at = ir.functions.get("areaOf")!.at;
    assert.deepEqual(
      [at.file, at.line, at.column],
      ["src/bpf/compiler/front/testing/modules/area.ts", 10, 8],
    );
  });

  it("takes options by name", async () => {
    const options = { most: 2 };
    const ir = await lowerModule({ entry: { module, name: "entry" }, options, sources: fileSources() });
    assert.match(printModule(ir), /areaOf\(2\)/);
    await assert.rejects(
      lowerModule({ entry: { module, name: "entry" }, options: { most: true }, sources: fileSources() }),
      { code: "COMPILE_CONSTANT", reason: "option most is a number, and true was given" },
    );
  });

  it("takes the source from where it is told", async () => {
    const wanted: string[] = [];
    const sources = fileSources({
      resolveSource: (url) => {
        wanted.push(fileURLToPath(url).replace(/.*\//, ""));
        return sourceOfCompiled(url);
      },
    });
    await lowerModule({ entry: { module, name: "entry" }, sources });
    assert.deepEqual(wanted.toSorted(), ["area.js", "entry.js", "index.js", "shapes.js"]);
  });

  it("lowers a function once for each way of being called, and reports what it refuses once", async () => {
    const text = `
      export const S = struct("S", { n: u32 });
      export type S = Infer<typeof S>;
      export const m = arrayMap("m", { value: S, entries: 2 });
      export function each(key: u32, value: S, sum: S): u32 { sum.n += value.n + key; return BODY; }
      export function f(s: S): void { forEach(m, each, s); each(1, s, s); each(2, s, s); }`;
    const ir = await lowerText(text.replace("BODY", "0"));
    assert.deepEqual([...ir.functions.keys()].toSorted(), ["each", "each_2", "f"]);
    assert.equal(ir.functions.get("each")!.parameters.length, 4);
    assert.equal(ir.functions.get("each")!.inline, "never");
    assert.equal(ir.functions.get("each_2")!.parameters.length, 3);
    await assert.rejects(lowerText(text.replace("BODY", "nowhere")), (error: { errors?: unknown[] }) => {
      assert.equal(error.errors?.length, 1);
      return true;
    });
  });

  it("compiles thousands of lines in a fraction of a second", async () => {
    const one = (i: number): string => `
      export function g${i}(a: u32, b: u16): u32 {
        let sum = ${i};
        for (let i = 0; i < b && i < 10; i++) {
          if (a === i || sum > 100) sum = (sum + a * 3) >>> 0;
          else sum = (sum ^ b) & 0xffff;
        }
        switch (b) {
          case 1: return sum;
          case 2: sum = 5; break;
        }
        const c = (a / (b + 1)) >>> 0;
        const d = Math.min(c, 100) + (sum & 7);
        return (c + d) >>> 0;
      }`;
    const count = 150;
    const functions = Array.from({ length: count }, (_, i) => one(i)).join("");
    const calls = Array.from({ length: count }, (_, i) => `r = (r + g${i}(r, 3)) >>> 0;`).join("\n");
    const { sources } = textModule(
      `${functions}\nexport function f(p: Packet): u32 { let r = p.length;\n${calls}\nreturn r; }`,
    );
    const started = performance.now();
    const ir = await lowerModule({ entry: { module: "test.ts", name: "f" }, sources });
    const took = performance.now() - started;
    assert.equal(ir.functions.size, count + 1);
    assert.ok(took < 2000, `${took} ms`);
  });
});
