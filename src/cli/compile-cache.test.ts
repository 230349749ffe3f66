import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import * as nodeModule from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { fileURLToPath } from "node:url";

const folder = mkdtempSync(join(tmpdir(), "lvs-code-"));
const program = fileURLToPath(new URL("./bin/ipvsadm.js", import.meta.url));
const skip = "enableCompileCache" in nodeModule ? false : "this Node keeps no compiled code";

function help(cache: string): void {
  const { status, stderr } = spawnSync(process.execPath, [program, "-h"], {
    env: { ...process.env, LVS_CACHE_DIRECTORY: cache },
    encoding: "utf8",
  });
  assert.deepEqual({ status, stderr }, { status: 0, stderr: "" });
}

describe("compiled code", () => {
  after(() => rmSync(folder, { recursive: true, force: true }));

  test("is kept in a directory that is there", { skip }, () => {
    const cache = join(folder, "there");
    mkdirSync(cache, { mode: 0o700 });
    help(cache);
    assert.ok(existsSync(join(cache, "code")));
  });

  test("makes no directory", () => {
    const cache = join(folder, "missing");
    help(cache);
    assert.equal(existsSync(cache), false);
  });

  test("is not kept where others may write", () => {
    const cache = join(folder, "shared");
    mkdirSync(cache);
    chmodSync(cache, 0o777);
    help(cache);
    assert.equal(existsSync(join(cache, "code")), false);
  });
});
