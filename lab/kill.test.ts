/**
 * Kills commands of ours with SIGKILL at random moments while they change the configuration under traffic: no
 * connection may be lost, no lock may stay behind, the next command must work, and what is left must be one of the
 * states that whole commands lead to.
 */
import assert from "node:assert/strict";
import { type ChildProcess, spawnSync } from "node:child_process";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { inNetworkNamespace, spawnInNamespace } from "../src/linux/index.ts";
import { buildNetwork, type NetworkPlan, namespaceOf, ownPrefix, removeNetwork } from "./network.ts";
import { lines, untilReady } from "./process.ts";

const KILLS = 200;
const VIP = "172.16.1.200";
const RIPS = ["192.168.1.1", "192.168.1.2"];
const PLAN: NetworkPlan = {
  prefix: ownPrefix("lvs-kill"),
  links: [
    [
      { node: "client", device: "eth0", addresses: ["172.16.1.1/24"] },
      { node: "director", device: "outside", addresses: [`${VIP}/24`] },
    ],
    [
      { node: "director", device: "inside", addresses: ["192.168.1.254/24"] },
      { node: "server", device: "eth0", addresses: RIPS.map((rip) => `${rip}/24`) },
    ],
  ],
  routes: [{ node: "server", to: "default", via: "192.168.1.254" }],
  sysctls: [{ node: "director", name: "net.ipv4.ip_forward", value: "1" }],
};

const script = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const program = (name: string) => fileURLToPath(new URL(`../../bin/${name}`, import.meta.url));
const director = namespaceOf(PLAN, "director");

/** Changes that must not disturb connections of VIP:80. */
const CHANGES: readonly { args: readonly string[]; input?: string }[] = [
  { args: ["-e", "-t", `${VIP}:80`, "-r", `${RIPS[0]}:80`, "-m", "-w", "5"] },
  { args: ["-e", "-t", `${VIP}:80`, "-r", `${RIPS[1]}:80`, "-m", "-w", "2"] },
  { args: ["-E", "-t", `${VIP}:80`, "-s", "wrr"] },
  { args: ["-E", "-t", `${VIP}:80`, "-s", "wlc"] },
  { args: ["-Z"] },
  { args: ["--set", "900", "120", "300"] },
  { args: ["-A", "-t", `${VIP}:81`, "-s", "rr"] },
  { args: ["-a", "-t", `${VIP}:81`, "-r", `${RIPS[0]}:80`, "-m"] },
  { args: ["-a", "-t", `${VIP}:81`, "-r", `${RIPS[1]}:80`, "-m"] },
  { args: ["-d", "-t", `${VIP}:81`, "-r", `${RIPS[0]}:80`] },
  { args: ["-D", "-t", `${VIP}:81`] },
  {
    args: ["-R"],
    input: Array.from(
      { length: 40 },
      (_, i) => `-A -t ${VIP}:${1000 + i} -s rr\n-a -t ${VIP}:${1000 + i} -r ${RIPS[0]}:80 -m\n`,
    ).join(""),
  },
  { args: ["-R"], input: Array.from({ length: 40 }, (_, i) => `-D -t ${VIP}:${1000 + i}\n`).join("") },
];

function ipvsadm(
  args: readonly string[],
  input = "",
): { status: number | null; stdout: string; stderr: string } {
  return inNetworkNamespace(director, () =>
    spawnSync(process.execPath, [program("ipvsadm"), ...args], { input, encoding: "utf8", timeout: 20_000 }),
  );
}

/** The last line that a child prints. */
async function last(child: ChildProcess): Promise<string> {
  let text = "";
  for await (const line of lines(child)) text = line;
  return text;
}

function mustWork(args: readonly string[]): string {
  const { status, stdout, stderr } = ipvsadm(args);
  assert.equal(status, 0, `ipvsadm ${args.join(" ")}: ${stderr}`);
  return stdout;
}

test(`${KILLS} processes of ours killed at random moments of changes under traffic`, {
  skip: process.getuid?.() === 0 ? false : "needs root: makes network namespaces",
  timeout: 600_000,
}, async (context) => {
  buildNetwork(PLAN);
  try {
    const server = spawnInNamespace(namespaceOf(PLAN, "server"), [
      process.execPath,
      script("web-server.js"),
      "rs",
      "0.0.0.0",
      "80",
    ]);
    await untilReady(server);
    mustWork(["-A", "-t", `${VIP}:80`, "-s", "rr"]);
    for (const rip of RIPS) mustWork(["-a", "-t", `${VIP}:80`, "-r", `${rip}:80`, "-m"]);

    const client = spawnInNamespace(
      namespaceOf(PLAN, "client"),
      [process.execPath, script("web-client.js"), "steady", `http://${VIP}/`, "8"],
      {
        stdio: ["ignore", "pipe", "pipe"],
      },
    );
    const said = last(client);
    said.catch(() => {});

    const started = performance.now();
    mustWork(["-e", "-t", `${VIP}:80`, "-r", `${RIPS[0]}:80`, "-m", "-w", "1"]);
    const usual = performance.now() - started;

    let killed = 0;
    for (let round = 0; killed < KILLS && round < 4 * KILLS; round++) {
      const change = CHANGES[Math.floor(Math.random() * CHANGES.length)]!;
      const victim = spawnInNamespace(director, [process.execPath, program("ipvsadm"), ...change.args], {
        stdio: ["pipe", "ignore", "ignore"],
      });
      victim.stdin?.on("error", () => {});
      victim.stdin?.end(change.input ?? "");
      const ended = new Promise((resolve) => victim.once("exit", resolve));
      await Promise.race([ended, sleep(usual * (0.3 + 0.9 * Math.random()))]);
      if (victim.exitCode === null && victim.kill("SIGKILL")) killed++;
      await ended;
      if (round % 10 === 0) mustWork(["-Ln"]);
      if (client.exitCode !== null)
        assert.fail(`after ${change.args.join(" ")}: ${await said.catch(String)}`);
    }
    context.diagnostic(`${killed} killed; a whole command takes ${usual.toFixed(0)} ms`);
    assert.equal(killed, KILLS);

    client.kill("SIGTERM");
    assert.match(await said, /^done [1-9]\d+ 8$/, "each of the 8 connections lasted to the end");

    mustWork(["-C"]);
    mustWork(["-A", "-t", `${VIP}:82`, "-s", "rr"]);
    assert.match(mustWork(["-Ln"]), new RegExp(`TCP  ${VIP}:82 rr\n$`));
  } finally {
    inNetworkNamespace(director, () => spawnSync(process.execPath, [program("lvs"), "unload"]));
    removeNetwork(PLAN.prefix);
  }
});
