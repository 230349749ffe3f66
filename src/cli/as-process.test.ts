import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

/** Runs an executable whose standard output, or error, is closed before it writes. */
async function unread(line: string, closed: "stdout" | "stderr") {
  const [program, ...words] = line.split(" ");
  const file = fileURLToPath(new URL(`./bin/${program}.js`, import.meta.url));
  const child = spawn(process.execPath, [file, ...words], { stdio: ["ignore", "pipe", "pipe"] });
  child[closed].destroy();
  const [said, [status]] = await Promise.all([
    text(closed === "stdout" ? child.stderr : child.stdout),
    once(child, "close"),
  ]);
  return { status, said };
}

for (const line of ["lvs --help", "lvs help explain", "ipvsadm -h", "iptables -h"]) {
  test(`nothing is said of an output that nobody reads: ${line}`, async () => {
    assert.deepEqual(await unread(line, "stdout"), { status: 141, said: "" });
  });
}

for (const line of ["lvs bananas", "ipvsadm -A", "ip6tables -A"]) {
  test(`nor of complaints that nobody reads: ${line}`, async () => {
    assert.deepEqual(await unread(line, "stderr"), { status: 141, said: "" });
  });
}
