/** One change at a time in a network namespace, of a director or a real server. */
import { type FileLock, hasCode, lockFile, type StateDirectory } from "../../linux/index.ts";
import { IpvsError } from "../errors.ts";
import type { Places } from "./places.ts";

/** The lock's file of the namespace with that cookie. */
export function lockPath(root: StateDirectory, cookie: bigint): string {
  return `${root.filesPath}/${cookie}.lock`;
}

/** Takes the lock. Throws IpvsError EBUSY if another command holds it longer than we wait. */
export function lockNamespace(root: StateDirectory, cookie: bigint, places: Places): FileLock {
  try {
    return lockFile(lockPath(root, cookie), { timeout: places.patience });
  } catch (error) {
    if (!hasCode(error, "LVS_LOCK_TIMEOUT")) throw error;
    const message = (error as Error).message.replace(root.filesPath, places.stateDirectory);
    throw new IpvsError("EBUSY", { operation: "open", message, cause: error });
  }
}
