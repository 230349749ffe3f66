/** A connection table that is full: clients are served, and so are the director's own connections to real servers. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { inNetworkNamespace, spawnInNamespace } from "../src/linux/index.ts";
import { buildNetwork, type NetworkPlan, namespaceOf, ownPrefix, removeNetwork } from "./network.ts";
import { capture, untilReady } from "./process.ts";

const VIP = "172.16.2.200";
const RIP = "192.168.2.1";
const CONNECTIONS = 64;
const REQUESTS = 200;
const PLAN: NetworkPlan = {
  prefix: ownPrefix("lvs-full"),
  links: [
    [
      { node: "client", device: "eth0", addresses: ["172.16.2.1/24"] },
      { node: "director", device: "outside", addresses: [`${VIP}/24`] },
    ],
    [
      { node: "director", device: "inside", addresses: ["192.168.2.254/24"] },
      { node: "server", device: "eth0", addresses: [`${RIP}/24`] },
    ],
  ],
  routes: [{ node: "server", to: "default", via: "192.168.2.254" }],
  sysctls: [{ node: "director", name: "net.ipv4.ip_forward", value: "1" }],
};

const path = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const director = namespaceOf(PLAN, "director");

function run(program: "ipvsadm" | "lvs", ...args: string[]): string {
  const { status, stdout, stderr } = inNetworkNamespace(director, () =>
    spawnSync(process.execPath, [path(`../../bin/${program}`), ...args], {
      encoding: "utf8",
      env: { ...process.env, LVS_CONNECTIONS: String(CONNECTIONS) },
    }),
  );
  assert.equal(status, 0, `${program} ${args.join(" ")}: ${stderr}`);
  return stdout;
}

/** Requests one after the other, each over a connection of its own; prints how many were answered. */
const FETCH = `const [url, count] = process.argv.slice(1); let done = 0;
for (let i = 0; i < count; i++) {
  const signal = AbortSignal.timeout(3000);
  const answer = await fetch(url, { headers: { connection: "close" }, signal });
  await answer.text(); if (answer.ok) done++;
}
console.log(done);`;

async function answered(node: string, url: string, count: number): Promise<number> {
  const words = ["--input-type=module", "-e", FETCH, url, String(count)];
  return Number(await capture(namespaceOf(PLAN, node), [process.execPath, ...words]));
}

test("a full table: clients are served, and the director's own checks of its servers answered", {
  skip: process.getuid?.() === 0 ? false : "needs root: makes network namespaces",
  timeout: 60_000,
}, async () => {
  buildNetwork(PLAN);
  try {
    const server = spawnInNamespace(namespaceOf(PLAN, "server"), [
      process.execPath,
      path("web-server.js"),
      "rs",
      "0.0.0.0",
      "80",
    ]);
    await untilReady(server);
    run("ipvsadm", "-A", "-t", `${VIP}:80`, "-s", "rr");
    run("ipvsadm", "-a", "-t", `${VIP}:80`, "-r", `${RIP}:80`, "-m");
    assert.equal(await answered("client", `http://${VIP}/`, REQUESTS), REQUESTS);
    const { events } = JSON.parse(run("lvs", "status", "--json")) as { events: { stateless: number } };
    assert.ok(events.stateless > REQUESTS - CONNECTIONS, "the table was full");
    assert.equal(await answered("director", `http://${RIP}/`, 3), 3);
  } finally {
    inNetworkNamespace(director, () => spawnSync(process.execPath, [path("../../bin/lvs"), "unload"]));
    removeNetwork(PLAN.prefix);
  }
});
