import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { HELP } from "./help.ts";

function script(program: string): string {
  return fileURLToPath(new URL(`../bin/${program}.js`, import.meta.url));
}

function run(program: string, words: readonly string[], input = "") {
  const { status, stdout, stderr } = spawnSync(process.execPath, [script(program), ...words], {
    input,
    encoding: "utf8",
  });
  return { status, stdout, stderr };
}

test("help and faulty lines are answered without touching the kernel", () => {
  assert.deepEqual(run("ipvsadm", ["-h"]), { status: 0, stdout: HELP, stderr: "" });
  assert.deepEqual(run("ipvsadm", ["-A", "-t", "192.0.2.1:80", "-w", "3"]), {
    status: 2,
    stdout: "",
    stderr: "Illegal 'weight' option with the 'add-service' command\n",
  });
  assert.equal(run("ipvsadm-save", ["--help"]).status, 1);
  assert.match(run("ipvsadm-restore", ["--help"]).stdout, /^Usage: ipvsadm-restore/);
});

test("help loads no foreign functions", () => {
  const LOADED = 99;
  const check = [
    'import { readFileSync } from "node:fs";',
    `process.on("exit", () => {`,
    `  if (readFileSync("/proc/self/maps", "utf8").includes("koffi")) process.exitCode = ${LOADED};`,
    "});",
  ].join("");
  const preload = `data:text/javascript,${encodeURIComponent(check)}`;
  const { status } = spawnSync(process.execPath, ["--import", preload, script("ipvsadm"), "-h"]);
  assert.equal(status, 0);
});
