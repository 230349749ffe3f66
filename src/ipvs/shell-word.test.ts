import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { shellWord } from "./shell-word.ts";

test("what means nothing to the shell stays as it is", () => {
  for (const word of ["eth0.5", "net/ipv4/conf/eth0.5/rp_filter=2", "tap-1@2", "lo:0"])
    assert.equal(shellWord(word), word);
});

test("a shell reads every word back", () => {
  for (const word of ["", "c;d", "a$b", "it's", '"', "`id`", "a\\b", "~", "*", "#x", "é", "a=5 60", "$(id)"])
    assert.equal(execFileSync("sh", ["-c", `printf %s ${shellWord(word)}`], { encoding: "utf8" }), word);
});
