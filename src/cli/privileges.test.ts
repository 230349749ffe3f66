import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const skip =
  process.getuid?.() !== 0
    ? "only root can give up its rights"
    : spawnSync("setpriv", ["--version"]).status === 0
      ? false
      : "there is no setpriv here";

function runWithout(line: string) {
  const [program, ...words] = line.split(" ");
  const file = fileURLToPath(new URL(`./bin/${program}.js`, import.meta.url));
  const { status, stderr } = spawnSync(
    "setpriv",
    ["--bounding-set=-all", "--", process.execPath, file, ...words],
    { encoding: "utf8" },
  );
  return { status, stderr };
}

const MISSING = "this process lacks CAP_NET_ADMIN, CAP_BPF, CAP_SYS_ADMIN\n";

for (const [line, exit, beginning] of [
  ["lvs status", 1, "lvs: not permitted: "],
  ["ipvsadm -Ln", 2, "Can't initialize ipvs: not permitted: "],
  ["iptables -t mangle -L", 4, "iptables v1.8.9 (lvs): not permitted: "],
] as const) {
  test(`root without capabilities is told which it lacks, and not to become root: ${line}`, { skip }, () => {
    const { status, stderr } = runWithout(line);
    assert.equal(status, exit);
    assert.ok(stderr.startsWith(beginning) && stderr.endsWith(MISSING), stderr);
  });
}
