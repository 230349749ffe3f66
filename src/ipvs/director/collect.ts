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
    const directory = `${root.path}/${cookie}`;
    try {
      if (finished && isDead(directory)) {
        removeDirectory(directory);
        rmSync(`${root.filesPath}/${cookie}.lock`, { force: true });
        removed += 1;
      } else if (!finished && removeUnfinished(root, cookie)) {
        removed += 1;
      }
    } catch (error) {
      // Another process was at it at the same moment.
      if (!hasCode(error, "ENOENT", "ENOTEMPTY", "FOREIGN_PIN")) throw error;
    }
  }
  return removed;
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
