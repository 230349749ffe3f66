import assert from "node:assert/strict";
import { test } from "node:test";
import { errnoMessage, errnoName, errnoNumber, hasCode, SystemError } from "./errno.ts";

test("errno values have names and messages", () => {
  assert.equal(errnoName(2), "ENOENT");
  assert.equal(errnoMessage(2), "No such file or directory");
  assert.equal(errnoNumber("EAGAIN"), 11);
  assert.equal(errnoName(4000), "E4000");
  assert.throws(() => errnoNumber("ENOTHING"), RangeError);
});

test("a SystemError says call, attempt, errno, the kernel's words and what to do", () => {
  const error = new SystemError("mount", 1, {
    attempted: "bpf on /run/x",
    kernelMessage: "not you",
    advice: "be root",
  });
  assert.equal(error.message, "mount bpf on /run/x: EPERM (Operation not permitted): not you; be root");
  assert.equal(error.code, "EPERM");
  assert.ok(hasCode(error, "ENOENT", "EPERM"));
  assert.ok(!hasCode(new Error("x"), "EPERM"));
});
