import { type FileLock, hasCode, type LockTimeoutError, lockFile } from "../src/linux/index.ts";
import { LabFailure } from "./console.ts";

/**
 * Makes sure that one lab with namespaces of these names runs on the machine. Throws LabFailure
 * that says who runs it.
 */
export function onlyLab(name: string, prefix: string): FileLock {
  const path = `/run/${prefix}.lock`;
  try {
    return lockFile(path, { timeout: 0 });
  } catch (error) {
    if (!hasCode(error, "LVS_LOCK_TIMEOUT")) throw error;
    throw new LabFailure(`the ${name} lab is running already: ${(error as LockTimeoutError).holder}`);
  }
}
