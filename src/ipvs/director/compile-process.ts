/**
 * A process that compiles programs of the datapath: requests as JSON on standard input, programs on standard output, each
 * behind its length (u32, little-endian).
 */
import { readFileSync, writeSync } from "node:fs";
import { compile } from "../../bpf/compiler/index.ts";
import { serializeProgram } from "../../bpf/loader/index.ts";
import type { CompileRequest } from "./compiled-programs.ts";

const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";

async function compileProgram({ module, entry, options, name }: CompileRequest): Promise<Uint8Array> {
  const url = new URL(`../../kernel/${module}.${extension}`, import.meta.url).href;
  const program = await compile({
    entry: { module: url, name: entry },
    options,
    name,
    type: "schedCls",
    license: "Dual MIT/GPL",
  });
  return serializeProgram(program);
}

function write(bytes: Uint8Array): void {
  for (let written = 0; written < bytes.length; ) written += writeSync(1, bytes, written);
}

try {
  for (const request of JSON.parse(readFileSync(0, "utf8")) as CompileRequest[]) {
    const bytes = await compileProgram(request);
    write(new Uint8Array(Uint32Array.of(bytes.length).buffer));
    write(bytes);
  }
} catch (error) {
  // Whoever waits for the programs prints this in one message of its own.
  console.error(error instanceof Error && !process.env.LVS_DEBUG ? error.message : error);
  process.exitCode = 1;
}
