import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { bpf } from "./bpf-syscall.ts";
import { openStateDirectory } from "./bpffs.ts";
import { hasCode } from "./errno.ts";
import { close, MNT_DETACH, umount } from "./files.ts";
import { addressOf } from "./libc.ts";
import { inInitialMountNamespace } from "./mount-namespace.ts";
import { createNetworkNamespace, deleteNetworkNamespace } from "./namespace.ts";

const skip = process.getuid?.() === 0 ? false : "a BPF file system needs root";

/** Pins a new array map at `path`. */
function pinMap(path: string): void {
  const map = bpf("BPF_MAP_CREATE", new Uint8Array(Uint32Array.of(2, 4, 8, 1).buffer));
  bpf("BPF_OBJ_PIN", objectAttribute(path, map));
  close(map);
}

function objectAttribute(path: string, fd: number): Uint8Array {
  const attribute = new DataView(new ArrayBuffer(16));
  attribute.setBigUint64(0, addressOf(Buffer.from(`${path}\0`)), true);
  attribute.setUint32(8, fd, true);
  return new Uint8Array(attribute.buffer);
}

describe("the state directory", { skip }, () => {
  const folder = mkdtempSync(join(tmpdir(), "lvs-state-"));
  const path = join(folder, "run");
  after(() => {
    umount(`${path}/bpf`, MNT_DETACH);
    rmSync(folder, { recursive: true });
  });

  test("is not made by one who only looks", () => {
    assert.equal(openStateDirectory(path, { create: false }), undefined);
    assert.deepEqual(readdirSync(folder), []);
  });

  test("is made once, private, and keeps pins", () => {
    const state = openStateDirectory(path);
    assert.equal(statSync(path).mode & 0o777, 0o700);
    assert.equal(statSync(`${path}/bpf`).mode & 0o777, 0o700);
    pinMap(`${state.path}/map`);
    writeFileSync(`${state.filesPath}/file`, "");
    state.close();
    const again = openStateDirectory(path);
    assert.ok(readdirSync(again.path).includes("map"));
    assert.ok(readdirSync(path).includes("file"));
    unlinkSync(`${again.path}/map`);
    again.close();
  });

  test("is refused when others may write to it", () => {
    const open = join(folder, "open");
    openStateDirectory(path).close();
    mkdirSync(open);
    chmodSync(open, 0o777);
    assert.throws(
      () => openStateDirectory(open),
      (error) => hasCode(error, "EPERM"),
    );
  });

  test("is the same inside another mount namespace, and what is made there stays", () => {
    checkFromOtherMountNamespace(
      `unshare(CLONE.NEWNS);
      mount("", "/", "none", MS.SLAVE | MS.REC);`,
      [process.execPath],
    );
  });

  test("is the same inside ip netns exec, and what is made there stays", (t) => {
    if (spawnSync("ip", ["-V"]).error !== undefined) {
      t.skip("the ip command is not installed");
      return;
    }
    const netns = `linuxtest-bpffs-${process.pid}`;
    createNetworkNamespace(netns);
    try {
      checkFromOtherMountNamespace("", ["ip", "netns", "exec", netns, process.execPath]);
    } finally {
      deleteNetworkNamespace(netns);
    }
  });

  /** A child that is, or goes, elsewhere makes a state directory and a pin; then looks for them here. */
  function checkFromOtherMountNamespace(goElsewhere: string, node: readonly string[]): void {
    const fresh = mkdtempSync(join(folder, "fresh-"));
    const door = new URL("./index.js", import.meta.url).href;
    const script = `
      const { addressOf, bpf, CLONE, mount, MS, openStateDirectory, unshare } = await import(${JSON.stringify(door)});
      ${goElsewhere}
      process.chdir(${JSON.stringify(folder)});
      const state = openStateDirectory(${JSON.stringify(fresh)});
      const map = bpf("BPF_MAP_CREATE", new Uint8Array(Uint32Array.of(2, 4, 8, 1).buffer));
      const name = Buffer.from(state.path + "/inside\\0");
      const attribute = new DataView(new ArrayBuffer(16));
      attribute.setBigUint64(0, addressOf(name), true);
      attribute.setUint32(8, map, true);
      bpf("BPF_OBJ_PIN", new Uint8Array(attribute.buffer));
      attribute.setUint32(8, 0, true);
      bpf("BPF_OBJ_GET", new Uint8Array(attribute.buffer));
      process.stdout.write(process.cwd());`;
    const [command, ...args] = [...node, "--input-type=module", "-e", script];
    assert.equal(execFileSync(command!, args, { encoding: "utf8" }), folder);
    const state = openStateDirectory(fresh, { create: false });
    assert.ok(state !== undefined && readdirSync(state.path).includes("inside"));
    state.close();
    inInitialMountNamespace(() => umount(`${fresh}/bpf`, MNT_DETACH));
  }
});
