import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";

const skip = existsSync(new URL("../../packed.js", import.meta.url))
  ? false
  : "the commands are not packed here: scripts/pack.js does that";

/** Runs an executable; with `debug` from its modules. */
function run(line: string, debug: boolean): { status: number | null; stdout: string; stderr: string } {
  const [program, ...words] = line.split(" ");
  const file = fileURLToPath(new URL(`./bin/${program}.js`, import.meta.url));
  const { LVS_DEBUG: _, ...environment } = process.env;
  const { status, stdout, stderr } = spawnSync(process.execPath, [file, ...words], {
    env: debug ? { ...environment, LVS_DEBUG: "1" } : environment,
    encoding: "utf8",
  });
  return { status, stdout, stderr };
}

describe("the packed commands do what their modules do", { skip }, () => {
  for (const line of [
    "ipvsadm -h",
    "ipvsadm -A",
    "ipvsadm -A -t localhost:no-such-service",
    "ipvsadm-save -x",
    "ipvsadm-restore --help",
    "iptables -V",
    "ip6tables-save -x",
    "lvs --version",
    "lvs help lab",
    "lvs bananas",
  ]) {
    test(line, () => assert.deepEqual(run(line, false), run(line, true)));
  }

  test("lvs --version knows the version", () => {
    assert.match(run("lvs --version", false).stdout, /^lvs \d+\.\d+\.\d+\n$/);
  });
});
