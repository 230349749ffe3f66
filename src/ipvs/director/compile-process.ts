/** A process that compiles one of the datapath's programs: request as JSON on standard input, program on standard output. */
import { readFileSync, writeSync } from "node:fs";
import { compile } from "../../bpf/compiler/index.ts";
import { serializeProgram } from "../../bpf/loader/index.ts";
import type { CompileRequest } from "./compiled-programs.ts";

const request = JSON.parse(readFileSync(0, "utf8")) as CompileRequest;
const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
const program = await compile({
  entry: {
    module: new URL(`../../kernel/${request.module}.${extension}`, import.meta.url).href,
    name: request.entry,
  },
  options: request.options,
  name: request.name,
  type: "schedCls",
  license: "Dual MIT/GPL",
});
const bytes = serializeProgram(program);
for (let written = 0; written < bytes.length; ) written += writeSync(1, bytes, written);
