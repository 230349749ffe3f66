import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import {
  createNetworkNamespace,
  deleteNetworkNamespace,
  inNetworkNamespace,
  MNT_DETACH,
  umount,
} from "../../linux/index.ts";

const skip = process.getuid?.() === 0 ? false : "rules in the kernel need root";
const withoutSystem = existsSync("/usr/sbin/iptables") ? false : "this host has no iptables";
const bin = fileURLToPath(new URL("../../../../bin", import.meta.url));
const LIMIT_MS = 120_000;

describe("iptables in the kernel", { skip }, () => {
  const name = `iptables-${process.pid}`;
  const folder = skip === false ? mkdtempSync(join(tmpdir(), "lvs-iptables-")) : "";
  const env = {
    ...process.env,
    PATH: `${bin}:/usr/sbin:/usr/bin:/sbin:/bin`,
    LVS_STATE_DIRECTORY: join(folder, "run"),
    LVS_CONNECTIONS: "1024",
  };

  /** Runs a script in the namespace, our executables first. */
  function shell(script: string): { status: number | null; stdout: string; stderr: string } {
    const options = { env, encoding: "utf8", timeout: LIMIT_MS } as const;
    return inNetworkNamespace(name, () => spawnSync("sh", ["-c", script], options));
  }

  function succeeds(script: string): string {
    const { status, stdout, stderr } = shell(script);
    assert.equal(stderr, "", script);
    assert.equal(status, 0, script);
    return stdout;
  }

  before(() => createNetworkNamespace(name));
  after(() => {
    shell("lvs unload");
    deleteNetworkNamespace(name);
    umount(join(folder, "run", "bpf"), MNT_DETACH);
    rmSync(folder, { recursive: true, force: true });
  });

  test("the tutorial's commands, as printed", () => {
    succeeds(
      "iptables -t mangle -A PREROUTING -p tcp -d 192.168.100.111 --dport 9814 -j MARK --set-mark 300",
    );
    succeeds(
      "iptables -t mangle -A PREROUTING -p tcp -d 192.168.100.111 --dport 8000:10000 -j MARK --set-mark 300",
    );
    const listing = succeeds("iptables -t mangle -L");
    assert.match(
      listing,
      /^MARK {7}tcp {2}-- {2}anywhere {13}192.168.100.111 {6}tcp dpt:9814 MARK set 0x12c$/m,
    );
  });

  test("saved, flushed and restored", () => {
    const saved = succeeds("iptables-save").replace(/^#.*\n/gm, "");
    assert.match(
      saved,
      /-A PREROUTING .*--dport 8000:10000 -j MARK --set-xmark 0x12c\/0xffffffff\nCOMMIT\n$/,
    );
    writeFileSync(join(folder, "saved"), saved);
    succeeds("iptables -t mangle -F");
    assert.doesNotMatch(succeeds("iptables -t mangle -S"), /-A/);
    succeeds(`iptables-restore < ${folder}/saved`);
    assert.equal(succeeds("iptables-save").replace(/^#.*\n/gm, ""), saved);
  });

  test("a faulty file changes nothing", () => {
    const { status, stderr } = shell(
      "printf '*mangle\\n-F\\n-A nope -j DROP\\nCOMMIT\\n' | iptables-restore",
    );
    assert.equal(status, 1);
    assert.equal(stderr, "iptables-restore: line 3 failed: No chain/target/match by that name.\n");
    assert.equal(succeeds("iptables -t mangle -S PREROUTING | grep -c -- -A"), "2\n");
  });

  test("a faulty command says so, and changes nothing", () => {
    const { status, stderr } = shell("iptables -t mangle -A PREROUTING -j nope");
    assert.equal(status, 2);
    assert.match(stderr, /^iptables v1.8.9 \(lvs\): Chain 'nope' does not exist\nTry `iptables -h' or /);
  });

  test("six at once: none is lost", () => {
    // The first may have to wait for the compiler, where the package's build has compiled no programs.
    succeeds("ip6tables -t mangle -A PREROUTING -j RETURN");
    succeeds(
      "for i in 1 2 3 4 5 6; do ip6tables -t mangle -A PREROUTING -s 2001:db8::$i -j MARK --set-mark $i & done; wait",
    );
    const marks = [...succeeds("ip6tables -t mangle -S PREROUTING").matchAll(/--set-xmark 0x(\d)/g)];
    assert.deepEqual(marks.map(([, mark]) => mark).sort(), ["1", "2", "3", "4", "5", "6"]);
    succeeds("ip6tables -t mangle -F");
  });

  test("commands for other tables are the system's", { skip: withoutSystem }, () => {
    succeeds("iptables -t nat -F");
    succeeds("iptables -t nat -X");
    succeeds("iptables -t nat -A POSTROUTING -s 192.168.0.0/24 -j MASQUERADE");
    assert.match(succeeds("/usr/sbin/iptables -t nat -S POSTROUTING"), /-s 192.168.0.0\/24 -j MASQUERADE\n/);
    const unknown = shell("iptables -t filter -A INPUT -j nope");
    assert.equal(unknown.status, 2);
    assert.match(unknown.stderr, /\((nf_tables|legacy)\)/);
  });

  test("the rules of the host's iptables are taken over", { skip: withoutSystem }, () => {
    succeeds(
      "/usr/sbin/ip6tables -t mangle -A PREROUTING -d 2001:db8::1 -p udp --dport 53 -j MARK --set-mark 53",
    );
    succeeds("iptables -t mangle -F");
    assert.match(succeeds("lvs rules import --live"), /^IPv6: 1 rule taken, 0 not$/m);
    assert.match(
      succeeds("lvs rules"),
      /^-A PREROUTING -d 2001:db8::1\/128 -p udp -m udp --dport 53 -j MARK/m,
    );
  });
});
