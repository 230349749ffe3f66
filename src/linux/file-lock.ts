import { fstatSync, ftruncateSync, readSync, rmSync, writeSync } from "node:fs";
import { basename } from "node:path";
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
  /** Removes the file and gives the lock up. Those who wait for it take the lock on a new file. */
  remove(): void;
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
/** How much of the holding command is kept, in characters. */
const LONGEST_COMMAND = 200;

/**
 * Takes the exclusive advisory lock on a file (made if missing, mode 0600), waiting until it is free. Blocks this
 * thread. Throws {@link LockTimeoutError} after `timeout`.
 */
export function lockFile(path: string, options: FileLockOptions = {}): FileLock {
  let fd = openLocked(path, options);
  while (isRemoved(fd)) {
    close(fd);
    fd = openLocked(path, options);
  }
  let held = true;
  const release = () => {
    if (held) close(fd);
    held = false;
  };
  return {
    release,
    remove() {
      if (held) rmSync(path, { force: true });
      release();
    },
  };
}

function openLocked(path: string, options: FileLockOptions): number {
  const fd = open(path, O.RDWR | O.CREAT, 0o600);
  try {
    if (!tryLock(fd, path)) {
      options.onWait?.(lockHolder(fd));
      if (options.timeout === undefined) flock(fd, LOCK.EX, path);
      else waitForLock(fd, path, options.timeout);
    }
    signLock(fd);
    return fd;
  } catch (error) {
    close(fd);
    throw error;
  }
}

/** Whether the file was removed while we waited for it: the lock on it keeps nobody out. */
function isRemoved(fd: number): boolean {
  return fstatSync(fd).nlink === 0;
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

/**
 * Writes into the lock file who holds it. /proc/locks knows as well, but not by the inode numbers that an overlay
 * file system shows. A full disk only costs those who wait the name.
 */
function signLock(fd: number): void {
  try {
    const [, script = process.execPath, ...args] = process.argv;
    const command = [basename(script), ...args].join(" ");
    const shown = command.length > LONGEST_COMMAND ? `${command.slice(0, LONGEST_COMMAND - 1)}…` : command;
    const text = Buffer.from(`pid ${process.pid} (${shown})`);
    writeSync(fd, text, 0, text.length, 0);
    ftruncateSync(fd, text.length);
  } catch (error) {
    if (!hasCode(error, "ENOSPC", "EDQUOT", "EIO")) throw error;
  }
}

function lockHolder(fd: number): string {
  const text = Buffer.alloc(1000);
  const length = readSync(fd, text, 0, text.length, 0);
  return length === 0 ? "another process" : text.toString("utf8", 0, length);
}
