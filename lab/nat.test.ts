/** How the NAT lab ends when it does not end by itself. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { listNetworkNamespaces } from "../src/linux/index.ts";

const LVS = fileURLToPath(new URL("../../bin/lvs", import.meta.url));
const root = process.getuid?.() === 0;
const start = (stdout: "pipe" | "ignore" = "pipe") =>
  spawn(process.execPath, [LVS, "lab", "nat"], { stdio: ["ignore", stdout, "pipe"] });
const namespaces = () => listNetworkNamespaces().filter((name) => name.startsWith("lvs-nat-"));

test("without root the lab says what it needs, and makes nothing", { skip: root }, async () => {
  const lab = start("ignore");
  const [complaint] = await once(lab.stderr!, "data");
  assert.match(String(complaint), /needs root/);
  assert.deepEqual(await once(lab, "exit"), [1, null]);
});

for (const [part, moment] of [
  ["the commands", "ipvsadm -A"],
  ["the requests", "600 requests"],
  ["the download", "A download"],
] as const) {
  test(`Ctrl-C during ${part} leaves nothing behind`, { skip: !root && "needs root" }, async (context) => {
    const lab = start();
    const complaints: string[] = [];
    lab.stderr!.on("data", (text) => complaints.push(String(text)));
    const ended = once(lab, "close");
    for await (const line of createInterface({ input: lab.stdout! }))
      if (line.includes(moment)) lab.kill("SIGINT");
    const [status] = await ended;
    if (/is running already/.test(complaints.join(""))) return context.skip("somebody else runs the lab");
    assert.equal(status, 130, complaints.join(""));
    assert.match(complaints.join(""), /^lvs: interrupted.*\n$/);
    assert.deepEqual(namespaces(), []);
  });
}

test("a second lab does not disturb the first", { skip: !root && "needs root" }, async (context) => {
  const lab = start();
  const ended = once(lab, "close");
  await once(lab.stdout!, "data");
  if (lab.exitCode !== null) return context.skip("somebody else runs the lab");
  const second = start("ignore");
  const [complaint] = await once(second.stderr!, "data");
  assert.match(String(complaint), /the nat lab is running already: pid \d+/);
  lab.kill("SIGTERM");
  lab.stdout!.resume();
  assert.deepEqual(await ended, [143, null]);
});
