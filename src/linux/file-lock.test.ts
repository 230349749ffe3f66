import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { LockTimeoutError, lockFile, withFileLock } from "./file-lock.ts";

const skip = process.platform === "linux" ? false : "needs Linux";

describe("a file lock", { skip }, () => {
  const folder = mkdtempSync(join(tmpdir(), "lvs-lock-"));
  const path = join(folder, "lock");
  after(() => rmSync(folder, { recursive: true }));

  test("is private, exclusive, and names its holder", () => {
    const lock = lockFile(path);
    assert.equal(statSync(path).mode & 0o777, 0o600);
    assert.throws(
      () => lockFile(path, { timeout: 30 }),
      (error: Error) => error instanceof LockTimeoutError && error.holder.startsWith(`pid ${process.pid} (`),
    );
    lock.release();
    lock.release();
    assert.equal(
      withFileLock(path, { timeout: 0 }, () => 7),
      7,
    );
  });

  test("on a file that was removed keeps nobody out: who waited takes that on the new file", async () => {
    const script = `
      const { lockFile } = await import(${JSON.stringify(new URL("./file-lock.js", import.meta.url).href)});
      const lock = lockFile(${JSON.stringify(path)}, { onWait: () => console.log("waits") });
      console.log("locked");
      setInterval(() => {}, 1000);`;
    const lock = lockFile(path);
    const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    assert.equal(String((await once(child.stdout, "data"))[0]), "waits\n");
    lock.remove();
    assert.equal(String((await once(child.stdout, "data"))[0]), "locked\n");
    assert.throws(() => lockFile(path, { timeout: 0 }), LockTimeoutError);
    child.kill("SIGKILL");
    await once(child, "exit");
  });

  test("ends with its holder, and those who wait get it", async () => {
    const script = `
      const { lockFile } = await import(${JSON.stringify(new URL("./file-lock.js", import.meta.url).href)});
      lockFile(${JSON.stringify(path)});
      console.log("locked");
      setInterval(() => {}, 1000);`;
    const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    await once(child.stdout, "data");
    let holder = "";
    setTimeout(() => {}, 0);
    const start = performance.now();
    const killer = spawn("sh", ["-c", `sleep 0.2; kill -9 ${child.pid}`]);
    lockFile(path, {
      onWait: (who) => {
        holder = who;
      },
    }).release();
    assert.ok(performance.now() - start > 100);
    assert.ok(holder.startsWith(`pid ${child.pid} (`), holder);
    await Promise.all([once(killer, "exit"), once(child, "exit")]);
  });
});
