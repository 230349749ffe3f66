/** How the NAT lab ends when it does not end by itself. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { createNetworkNamespace, listNetworkNamespaces } from "../src/linux/index.ts";
import { noteMade } from "./made.ts";
import { buildNetwork, type NetworkPlan, namespacesOf, ownPrefix, removeNetwork } from "./network.ts";

const LVS = fileURLToPath(new URL("../../bin/lvs", import.meta.url));
const root = process.getuid?.() === 0;
const prefix = ownPrefix("lvs-test-nat");
const start = (stdout: "pipe" | "ignore" = "pipe", ...options: string[]) =>
  spawn(process.execPath, [LVS, "lab", "nat", ...options], {
    stdio: ["ignore", stdout, "pipe"],
    env: { ...process.env, LVS_LAB_PREFIX: prefix },
  });
const namespaces = () => listNetworkNamespaces().filter((name) => name.startsWith(`${prefix}-`));

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
  test(`Ctrl-C during ${part} leaves nothing behind`, { skip: !root && "needs root" }, async () => {
    const lab = start();
    const complaints: string[] = [];
    lab.stderr!.on("data", (text) => complaints.push(String(text)));
    const ended = once(lab, "close");
    for await (const line of createInterface({ input: lab.stdout! }))
      if (line.includes(moment)) lab.kill("SIGINT");
    const [status] = await ended;
    assert.equal(status, 130, complaints.join(""));
    assert.match(complaints.join(""), /^lvs: interrupted.*\n$/);
    assert.deepEqual(namespaces(), []);
  });
}

test("a second lab does not disturb the first", { skip: !root && "needs root" }, async () => {
  const lab = start();
  const ended = once(lab, "close");
  await once(lab.stdout!, "data");
  const second = start("ignore");
  const [complaint] = await once(second.stderr!, "data");
  assert.match(String(complaint), /the nat lab is running already: pid \d+/);
  lab.kill("SIGTERM");
  lab.stdout!.resume();
  assert.deepEqual(await ended, [143, null]);
});

/** Hosts that are called as the lab's. */
const HOSTS: NetworkPlan = {
  prefix,
  links: [
    [
      { node: "director", device: "a" },
      { node: "client", device: "b" },
    ],
  ],
};

test("namespaces that no lab has made are left alone", { skip: !root && "needs root" }, async () => {
  buildNetwork(HOSTS);
  createNetworkNamespace(`${prefix}-other`);
  const before = namespaces();
  try {
    const refused = start("ignore");
    const [complaint] = await once(refused.stderr!, "data");
    assert.match(String(complaint), /it has not made: .*-director/);
    assert.deepEqual(await once(refused, "exit"), [1, null]);
    assert.deepEqual(await once(start("ignore", "--remove"), "exit"), [0, null]);
    assert.deepEqual(namespaces(), before);
  } finally {
    removeNetwork(prefix);
  }
});

test("a lab that was left up is not replaced unasked", { skip: !root && "needs root" }, async () => {
  noteMade(prefix, "nat", namespacesOf(HOSTS));
  buildNetwork(HOSTS);
  try {
    const refused = start("ignore");
    const [complaint] = await once(refused.stderr!, "data");
    assert.match(String(complaint), /left up before: `lvs lab nat --remove` takes it down/);
    assert.deepEqual(await once(refused, "exit"), [1, null]);
    assert.deepEqual(namespaces(), [`${prefix}-client`, `${prefix}-director`]);
    assert.deepEqual(await once(start("ignore", "--remove"), "exit"), [0, null]);
    assert.deepEqual(namespaces(), []);
  } finally {
    removeNetwork(prefix);
  }
});
