/** Every command line of the tutorials runs as printed, with our programs first in PATH, and what it configures works. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { findSystemProgram, inNetworkNamespace, spawnInNamespace } from "../../src/linux/index.ts";
import { noteMade } from "../made.ts";
import { buildNetwork, type NetworkPlan, namespaceOf, namespacesOf, nodesOf, ownPrefix } from "../network.ts";
import { removeLab } from "../play.ts";
import { isInstalled, untilReady } from "../process.ts";
import { labEnvironment } from "../stage.ts";
import { type Command, type Exercise, type Role, type Traffic, TUTORIALS } from "./index.ts";

const missing = [
  ...["ifconfig", "route", "watch"].filter((name) => !isInstalled(name)),
  ...(findSystemProgram("iptables") === null ? ["iptables"] : []),
];
const skip =
  process.getuid?.() !== 0
    ? "needs root: makes network namespaces"
    : missing.length > 0 && `needs ${missing.join(", ")}`;
/** Against hanging only: a busy machine may be slow. */
const LIMIT_MS = 300_000;
const prefix = ownPrefix("lvs-tutorial");
const script = (name: string) => fileURLToPath(new URL(`../${name}.js`, import.meta.url));

/** Role → hosts of a network. */
function hostsOf(plan: NetworkPlan, role: Role): string[] {
  return nodesOf(plan).filter((node) => (role === "servers" ? /^rs\d$/.test(node) : node === role));
}

/** Whether a step is a command. */
const isCommand = (step: Command | Traffic): step is Command => "printed" in step;

function runCommand(plan: NetworkPlan, command: Command, scratch: string): void {
  for (const node of hostsOf(plan, command.role)) {
    const root = join(scratch, node);
    let output = "";
    for (const line of command.instead?.run ?? [command.printed]) {
      const here = line.replace(/(?<= |'|^)\/(etc|root)\//g, `${root}/$1/`);
      const result = inNetworkNamespace(namespaceOf(plan, node), () =>
        spawnSync("sh", ["-c", here], {
          encoding: "utf8",
          timeout: LIMIT_MS,
          env: labEnvironment(),
        }),
      );
      output += result.stdout + result.stderr;
      const { status = 0 } = command;
      if (status !== null) assert.equal(result.status, status, `${node}# ${here}\n${output}`);
    }
    assert.match(output, command.prints ?? /^$/, `${node}# ${command.printed}`);
  }
}

/** Ports for clients: each is given once. */
let nextPort = 10_000;

function takePorts(count: number): number {
  nextPort += count;
  return nextPort - count;
}

function send(plan: NetworkPlan, { url, served }: Traffic): void {
  const total = Object.values(served).reduce((sum, each) => sum + each, 0);
  const result = inNetworkNamespace(namespaceOf(plan, "client"), () =>
    spawnSync(process.execPath, [script("web-client"), "get", url, String(total), String(takePorts(total))], {
      encoding: "utf8",
      timeout: LIMIT_MS,
    }),
  );
  assert.equal(result.status, 0, result.stderr);
  const counts: Record<string, number> = {};
  for (const name of result.stdout.trim().split("\n")) counts[name] = (counts[name] ?? 0) + 1;
  assert.deepEqual(counts, served);
}

async function go(exercise: Exercise): Promise<void> {
  const plan = exercise.plan(prefix);
  const scratch = mkdtempSync(join(tmpdir(), "lvs-tutorial-"));
  try {
    noteMade(prefix, "tutorials", namespacesOf(plan));
    buildNetwork(plan);
    for (const node of nodesOf(plan)) {
      for (const folder of ["etc", "root"]) mkdirSync(join(scratch, node, folder), { recursive: true });
    }
    if (!exercise.steps.every(isCommand)) {
      const servers = hostsOf(plan, "servers").map((node) =>
        spawnInNamespace(namespaceOf(plan, node), [
          process.execPath,
          script("web-server"),
          node,
          "0.0.0.0",
          "80",
        ]),
      );
      await Promise.all(servers.map(untilReady));
    }
    for (const step of exercise.steps) {
      if (isCommand(step)) runCommand(plan, step, scratch);
      else send(plan, step);
    }
  } finally {
    await removeLab(prefix, "tutorials", []);
    rmSync(scratch, { recursive: true });
  }
}

for (const { number, title, exercises } of TUTORIALS) {
  describe(`document ${number}, ${title}`, { skip, timeout: 10 * LIMIT_MS }, () => {
    for (const exercise of exercises) test(exercise.section, () => go(exercise));
  });
}
