import { closeSync } from "node:fs";
import { O, open } from "./files.ts";
import { bind, check } from "./libc.ts";

/** Flags of unshare(2) and types of setns(2). */
export const CLONE = { FS: 0x200, NEWNS: 0x2_0000, NEWNET: 0x4000_0000 } as const;

const cSetns = bind<[number, number], number>("int setns(int fd, int type)");
const cUnshare = bind<[number], number>("int unshare(int flags)");

/** setns(2): this thread enters the namespace behind `fd`. */
export function setns(fd: number, type: number, attempted?: string): void {
  check(cSetns(fd, type), "setns", { attempted, advice: "entering a namespace needs root (CAP_SYS_ADMIN)" });
}

/** unshare(2), for this thread. */
export function unshare(flags: number, attempted?: string): void {
  check(cUnshare(flags), "unshare", { attempted, advice: "this needs root (CAP_SYS_ADMIN)" });
}

/** The kind of a namespace, as /proc/PID/ns names it. */
export type NamespaceKind = "net" | "mnt";

/** Opens this thread's own namespace of a kind. */
export function openOwnNamespace(kind: NamespaceKind): number {
  return open(`/proc/thread-self/ns/${kind}`, O.RDONLY);
}

/**
 * Runs `work` and takes this thread back to where it was, through `restore`, whatever happens. `work` must be
 * synchronous: after an await, other code would run in the wrong place.
 */
export function thereAndBack<T>(work: () => T, restore: () => void): T {
  let result: T;
  try {
    result = work();
  } finally {
    restore();
  }
  if (typeof (result as { then?: unknown } | null | undefined)?.then === "function") {
    throw new TypeError(
      "the function to run in another namespace must be synchronous; it returned a promise",
    );
  }
  return result;
}

/** Closes descriptors, whatever happens to each. */
export function closeAll(...fds: number[]): void {
  for (const fd of fds) {
    try {
      closeSync(fd);
    } catch {
      // A descriptor that does not close is gone.
    }
  }
}
