import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { findSystemProgram } from "./system-program.ts";

test("the system's program is none of ours, by whatever link", (context) => {
  const place = mkdtempSync(join(tmpdir(), "lvs-programs-"));
  context.after(() => rmSync(place, { recursive: true }));
  const [ours, text, theirs] = ["ours", "text", "theirs"].map((name) => join(place, name));
  for (const folder of [ours!, text!, theirs!]) mkdirSync(folder);
  const own = fileURLToPath(new URL("../../../bin/iptables-save", import.meta.url));
  symlinkSync(own, join(ours!, "iptables-save"));
  writeFileSync(join(text!, "iptables-save"), "", { mode: 0o600 });
  assert.equal(findSystemProgram("iptables-save", [ours!, join(place, "missing")]), null);
  writeFileSync(join(theirs!, "iptables-save"), "#!/bin/sh\n", { mode: 0o755 });
  assert.equal(findSystemProgram("iptables-save", [ours!, theirs!]), join(theirs!, "iptables-save"));
});
