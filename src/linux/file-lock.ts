import { fstatSync, readFileSync } from "node:fs";
import { hasCode } from "./errno.ts";
import { close, flock, LOCK, O, open } from "./files.ts";

/** How {@link lockFile} waits. */
export interface FileLockOptions {
  /** How long to wait for the lock, in milliseconds. Default: for ever. */
  readonly timeout?: number;
  /** Called once, before waiting, with who holds the lock ("pid 123 (ipvsadm -R)"). */
  readonly onWait?: (holder: string) => void;
}

/** An exclusive lock that this process holds. */
export interface FileLock {
  /** Gives the lock up. The end of the process, however it comes, does the same. */
  release(): void;
}

/** The lock did not come free in time. */
export class LockTimeoutError extends Error {
  override readonly name = "LockTimeoutError";
  readonly code = "LVS_LOCK_TIMEOUT";
  /** Who holds the lock. */
  readonly holder: string;

  constructor(path: string, timeout: number, holder: string) {
    super(`${path} is locked by ${holder}; gave up after ${timeout} ms; try again when that has finished`);
    this.holder = holder;
  }
}

/** Waits between two looks at a lock that has a timeout, in milliseconds: at first, and at most. */
const FIRST_PAUSE = 1;
const LONGEST_PAUSE = 20;

/**
 * Takes the exclusive advisory lock on a file (made if missing, mode 0600), waiting until it is free. Blocks this
 * thread. Throws {@link LockTimeoutError} after `timeout`.
 */
export function lockFile(path: string, options: FileLockOptions = {}): FileLock {
  const fd = open(path, O.RDWR | O.CREAT, 0o600);
  try {
    if (!tryLock(fd, path)) {
      options.onWait?.(lockHolder(fd));
      if (options.timeout === undefined) flock(fd, LOCK.EX, path);
      else waitForLock(fd, path, options.timeout);
    }
  } catch (error) {
    close(fd);
    throw error;
  }
  let held = true;
  return {
    release() {
      if (held) close(fd);
      held = false;
    },
  };
}

/** Runs `work` (synchronous) under the lock of {@link lockFile}. */
export function withFileLock<T>(path: string, options: FileLockOptions, work: () => T): T {
  const lock = lockFile(path, options);
  try {
    return work();
  } finally {
    lock.release();
  }
}

function tryLock(fd: number, path: string): boolean {
  try {
    flock(fd, LOCK.EX | LOCK.NB, path);
    return true;
  } catch (error) {
    if (hasCode(error, "EAGAIN")) return false;
    throw error;
  }
}

function waitForLock(fd: number, path: string, timeout: number): void {
  const deadline = performance.now() + timeout;
  const sleeper = new Int32Array(new SharedArrayBuffer(4));
  for (let pause = FIRST_PAUSE; !tryLock(fd, path); pause = Math.min(2 * pause, LONGEST_PAUSE)) {
    const left = deadline - performance.now();
    if (left <= 0) throw new LockTimeoutError(path, timeout, lockHolder(fd));
    Atomics.wait(sleeper, 0, 0, Math.min(pause, left));
  }
}

/** Who holds the lock on an open file, from /proc/locks: "pid 123 (ipvsadm -R)". */
function lockHolder(fd: number): string {
  const { dev, ino } = fstatSync(fd);
  const major = Math.floor(dev / 256) % 4096;
  const minor = (dev % 256) + Math.floor(dev / 0x10_0000) * 256;
  const hex = (value: number) => value.toString(16).padStart(2, "0");
  const file = `${hex(major)}:${hex(minor)}:${ino}`;
  for (const line of readFileSync("/proc/locks", "utf8").split("\n")) {
    const [, kind, , mode, pid, where] = line.trim().split(/\s+/);
    if (kind === "FLOCK" && mode === "WRITE" && where === file) return describeProcess(Number(pid));
  }
  return "a process that has just ended";
}

function describeProcess(pid: number): string {
  try {
    const command = readFileSync(`/proc/${pid}/cmdline`, "utf8").replace(/\0+$/, "").replaceAll("\0", " ");
    return `pid ${pid} (${command.length > 100 ? `${command.slice(0, 99)}…` : command})`;
  } catch {
    return `pid ${pid}`;
  }
}
