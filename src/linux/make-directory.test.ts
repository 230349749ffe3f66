import assert from "node:assert/strict";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { makeDirectory } from "./make-directory.ts";

test("directories are made as deep as needed, and those that are there stay", () => {
  const root = mkdtempSync(join(tmpdir(), "lvs-make-directory-"));
  try {
    makeDirectory(join(root, "a/b/c"), 0o700);
    makeDirectory(join(root, "a/b/c"), 0o755);
    assert.equal(statSync(join(root, "a/b/c")).mode & 0o777, 0o700);
    assert.throws(() => makeDirectory("/dev/null/a"), { code: "ENOTDIR" });
  } finally {
    rmSync(root, { recursive: true });
  }
});

test("where nothing can be made it says so instead of trying for ever", () => {
  assert.throws(() => makeDirectory("/proc/lvs-no-such/bpf"), { code: "ENOENT" });
});
