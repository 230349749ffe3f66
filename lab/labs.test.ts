/** Every lab keeps its promises and leaves nothing; labs that are kept, killed and asked for wrongly. */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { findSystemProgram, inNetworkNamespace, MNT_DETACH, umount } from "../src/linux/index.ts";
import { LABS } from "./index.ts";
import { ALL_LABS } from "./labs.ts";
import { nodesLeftUp, ownPrefix } from "./network.ts";
import { removeLab } from "./play.ts";
import { isInstalled } from "./process.ts";
import { labEnvironment } from "./stage.ts";

const LVS = fileURLToPath(new URL("../../bin/lvs", import.meta.url));
/** Against hanging only: a busy machine may be slow. */
const LIMIT_MS = 600_000;
const prefix = ownPrefix("lvs-labs");
const root = process.getuid?.() === 0;
const skip = !root && "needs root: makes network namespaces";
/** Of this test's own, so that what is left there is what labs have left. */
const folder = root ? mkdtempSync(join(tmpdir(), "lvs-labs-")) : tmpdir();
const state = join(folder, "run");
process.env.LVS_STATE_DIRECTORY = state;
const environment = {
  ...process.env,
  LVS_LAB_PREFIX: prefix,
  LVS_LAB_SERVICES: "1,5000",
  LVS_LAB_MEASURE_ONLY: "1",
};

/** Programs of others that labs have, and cannot do without. */
const NEEDED: Readonly<Record<string, readonly string[]>> = {
  ftp: ["vsftpd", "curl"],
  scale: ["iptables-restore"],
};

function lab(...words: string[]) {
  return spawnSync(process.execPath, [LVS, "lab", ...words], {
    encoding: "utf8",
    env: environment,
    timeout: LIMIT_MS,
  });
}

function assertNothingLeft(): void {
  assert.deepEqual(nodesLeftUp(prefix), []);
  assert.ok(!existsSync(`/run/${prefix}.files`), "files of servers");
  assert.deepEqual(stateLeft(), [], "state of directors");
}

/** Directories of directors, and locks: all but the file system that they are in. */
function stateLeft(): string[] {
  const files = existsSync(state) ? readdirSync(state).filter((name) => name !== "bpf") : [];
  const bpf = join(state, "bpf");
  const pinned = existsSync(bpf) ? readdirSync(bpf).filter((name) => !name.endsWith(".debug")) : [];
  return [...files, ...pinned];
}

/** Every link of the lab's namespaces ends in another of them. */
function assertNoWayOut(): void {
  for (const namespace of nodesLeftUp(prefix)) {
    const { stdout } = inNetworkNamespace(namespace, () =>
      spawnSync("ip", ["-o", "link", "show"], { encoding: "utf8", env: labEnvironment() }),
    );
    const links = stdout.split("\n").filter((line) => line !== "" && !/^\d+: (lo|bridge):/.test(line));
    assert.ok(links.length > 0, namespace);
    for (const link of links) assert.ok(link.includes(` link-netns ${prefix}-`), `${namespace}: ${link}`);
  }
}

describe("labs", { skip, timeout: 12 * LIMIT_MS }, () => {
  after(() => {
    if (existsSync(join(state, "bpf"))) umount(join(state, "bpf"), MNT_DETACH);
    rmSync(folder, { recursive: true, force: true });
  });

  for (const name of LABS.keys()) {
    const missing = (NEEDED[name] ?? []).filter(
      (each) => !isInstalled(each) && findSystemProgram(each) === null,
    );
    test(`lvs lab ${name}`, { skip: missing.length > 0 && `needs ${missing.join(", ")}` }, () => {
      const { status, stdout, stderr } = lab(...name.split(" "));
      assert.equal(status, 0, `${stderr}\n${stdout}`);
      assert.equal(stderr, "");
      if (name === "scale") assert.match(stdout, /^not judged/m);
      assert.match(stdout, /^\n── Network: .+\n/);
      assertNothingLeft();
    });
  }

  test("a lab that is kept answers, is not replaced, and goes when told to", async () => {
    const { status, stdout, stderr } = lab("dr", "realserver", "--keep");
    try {
      assert.equal(status, 0, stderr);
      assert.match(stdout, /── Left up\n/);
      // What it says to a person is true.
      const entries = [...stdout.matchAll(/^ip netns exec (\S+) (.+)\n {4}\S/gm)];
      assert.ok(entries.length >= 3, stdout);
      for (const [, namespace = "", command = ""] of entries) {
        const result = inNetworkNamespace(namespace, () =>
          spawnSync("sh", ["-c", command], { encoding: "utf8", env: labEnvironment(), timeout: LIMIT_MS }),
        );
        assert.equal(result.status, 0, `${command}: ${result.stderr}`);
        assert.match(result.stdout, /192\.168\.0\.38|rs[12]/);
      }
      assertNoWayOut();
      const again = lab("dr");
      assert.equal(again.status, 1);
      assert.match(again.stderr, /left up before: `lvs lab dr --remove` takes it down/);
      assert.equal(lab("dr", "--remove").status, 0);
      assertNothingLeft();
    } finally {
      await removeLab(prefix, "dr", ALL_LABS.get("dr")!.values());
    }
  });

  test("of a lab that is killed half-way the next says so, and --remove clears it away", async () => {
    const killed = spawn(process.execPath, [LVS, "lab", "tun"], {
      env: environment,
      stdio: ["ignore", "pipe", "inherit"],
    });
    for await (const line of createInterface({ input: killed.stdout })) {
      if (line.includes("ipvsadm -a")) killed.kill("SIGKILL");
    }
    if (killed.signalCode === null) await once(killed, "exit");
    assert.equal(killed.signalCode, "SIGKILL");
    const again = lab("tun");
    assert.equal(again.status, 1);
    assert.match(again.stderr, /there is a tun lab already/);
    assert.equal(lab("tun", "--remove").status, 0);
    assertNothingLeft();
  });
});

test("what there is no lab of", () => {
  const unknown = lab("bananas");
  assert.equal(unknown.status, 2);
  assert.match(
    unknown.stderr,
    /there is no lab "bananas"; there are: nat, dr, tun, fullnat, persistence, ftp, scale/,
  );
  const variant = lab("nat", "bananas");
  assert.equal(variant.status, 2);
  assert.match(variant.stderr, /there is no "bananas" of the nat lab; there are: wrr, rr/);
});
