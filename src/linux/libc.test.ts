import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { tryBpf } from "./bpf-syscall.ts";
import { SystemError } from "./errno.ts";
import { close, O, open } from "./files.ts";
import { addressOf } from "./libc.ts";
import { mmapFile, munmapFile, pageSize } from "./memory.ts";
import {
  EPOLL,
  EPOLL_CTL,
  epollControl,
  epollCreate,
  epollWait,
  epollWaitAsync,
  eventfd,
  POLL,
  pollOne,
} from "./poll.ts";

test("importing the layer does not load koffi", () => {
  const door = new URL("./index.js", import.meta.url);
  const script = `await import(${JSON.stringify(door.href)});
    process.stdout.write(String(process.report.getReport().sharedObjects.some((name) => name.includes("koffi"))))`;
  const out = execFileSync(process.execPath, ["--input-type=module", "-e", script], { encoding: "utf8" });
  assert.equal(out, "false");
});

test("a failing call throws a SystemError with the path", () => {
  assert.throws(
    () => open("/no/such/file", O.RDONLY),
    (error: SystemError) =>
      error instanceof SystemError && error.code === "ENOENT" && /\/no\/such/.test(error.message),
  );
});

test("a mapping of a file is shared with it", () => {
  const folder = mkdtempSync(join(tmpdir(), "lvs-memory-"));
  const file = join(folder, "file");
  writeFileSync(file, Buffer.alloc(pageSize()));
  const fd = open(file, O.RDWR);
  const buffer = mmapFile(fd, pageSize(), { write: true });
  new Uint8Array(buffer).set([1, 2, 3], 5);
  munmapFile(buffer);
  close(fd);
  assert.deepEqual([...readFileSync(file).subarray(4, 9)], [0, 1, 2, 3, 0]);
  assert.throws(() => munmapFile(buffer), TypeError);
  rmSync(folder, { recursive: true });
});

test("addresses respect the offset of a view", () => {
  const bytes = new Uint8Array(256);
  assert.equal(addressOf(bytes.subarray(7)) - addressOf(bytes), 7n);
});

test("an unusable request to bpf answers with minus the errno", () => {
  assert.ok(tryBpf("BPF_OBJ_GET", new Uint8Array(0)) < 0);
});

test("poll and epoll see an eventfd become readable", async () => {
  const fd = eventfd();
  const epoll = epollCreate();
  epollControl(epoll, EPOLL_CTL.ADD, fd, EPOLL.IN, 42);
  assert.equal(pollOne(fd, POLL.IN, 0), 0);
  assert.deepEqual(epollWait(epoll, 0), []);
  const waiting = epollWaitAsync(epoll, 5000);
  writeSync(fd, new Uint8Array(BigUint64Array.of(1n).buffer));
  assert.deepEqual(await waiting, [{ events: EPOLL.IN, data: 42 }]);
  assert.equal(pollOne(fd, POLL.IN, 0), POLL.IN);
  assert.equal(epollWait(epoll, 0).length, 1);
  close(epoll);
  close(fd);
});
