import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { ProgramCache } from "./program-cache.ts";

test("whoever asks what is wrong with the cache makes nothing", () => {
  const folder = mkdtempSync(join(tmpdir(), "lvs-cache-"));
  try {
    const directory = join(folder, "var", "lvs");
    const cache = new ProgramCache(directory);
    assert.equal(cache.problem(), undefined);
    assert.deepEqual(readdirSync(folder), []);
    cache.prepare();
    assert.equal(cache.problem(), undefined);
    assert.deepEqual(readdirSync(directory), []);
    cache.write("key", Uint8Array.of(7));
    assert.deepEqual(cache.read("key"), Buffer.of(7));
    chmodSync(directory, 0o777);
    assert.match(cache.problem()!, /may be written by other users/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("a directory that cannot be made is told", () => {
  const folder = mkdtempSync(join(tmpdir(), "lvs-cache-"));
  try {
    const file = join(folder, "file");
    writeFileSync(file, "");
    for (const path of [file, join(file, "below", "lvs")]) {
      const cache = new ProgramCache(path);
      assert.notEqual(cache.problem(), undefined, path);
      cache.prepare();
      cache.write("key", Uint8Array.of(7));
      assert.equal(cache.read("key"), undefined);
    }
    assert.equal(existsSync(file), true);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
