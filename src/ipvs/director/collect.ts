/** State of namespaces that are gone. */
import { rmSync } from "node:fs";
import { hasCode, lockFile, type StateDirectory } from "../../linux/index.ts";
import { isDead } from "./life-sign.ts";
import { listDirectories, removeDirectory } from "./pinned-tables.ts";

/** Removes it, but not that of namespace `own`. What cannot be told for certain stays. Returns how many there were. */
export function collectDead(root: StateDirectory, own: bigint): number {
  let removed = 0;
  for (const { cookie, finished } of listDirectories(root.path)) {
    if (cookie === String(own)) continue;
    const isRemoved = finished
      ? removeIfDead(root, cookie, [`${cookie}.lock`])
      : unlessTaken(() => removeUnfinished(root, cookie));
    if (isRemoved) removed += 1;
  }
  return removed;
}

/** Removes a directory of pins with a sign of life in it, and files beside it, if its namespace is certainly gone. Whether it did. */
export function removeIfDead(root: StateDirectory, name: string, files: readonly string[]): boolean {
  return unlessTaken(() => {
    if (!isDead(`${root.path}/${name}`)) return false;
    removeDirectory(`${root.path}/${name}`);
    for (const file of files) rmSync(`${root.filesPath}/${file}`, { force: true });
    return true;
  });
}

/** False also where another process was at it at the same moment. */
function unlessTaken(remove: () => boolean): boolean {
  try {
    return remove();
  } catch (error) {
    if (!hasCode(error, "ENOENT", "ENOTEMPTY", "FOREIGN_PIN")) throw error;
    return false;
  }
}

/** What a process was making when it was killed; not what one makes just now. */
function removeUnfinished(root: StateDirectory, cookie: string): boolean {
  try {
    const lock = lockFile(`${root.filesPath}/${cookie}.lock`, { timeout: 0 });
    try {
      return removeDirectory(`${root.path}/${cookie}~new`);
    } finally {
      lock.release();
    }
  } catch (error) {
    if (hasCode(error, "LVS_LOCK_TIMEOUT")) return false;
    throw error;
  }
}
