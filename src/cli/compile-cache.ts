/** Code compiled by V8, kept on disk from one command to the next: what Node 22.8 and later can do. */
import { lstatSync, mkdirSync } from "node:fs";
import * as nodeModule from "node:module";
import { join } from "node:path";

type Enable = (directory: string) => unknown;

/**
 * Makes Node keep the code of the modules that are loaded from here on in `code` under LVS_CACHE_DIRECTORY
 * (/var/cache/lvs), which must be there: the first service makes it, whoever only looks does not. Does nothing where that does not
 * work: it only saves time.
 */
export function useCompileCache(): void {
  const enable = (nodeModule as { readonly enableCompileCache?: Enable }).enableCompileCache;
  if (enable === undefined) return;
  const parent = process.env.LVS_CACHE_DIRECTORY || "/var/cache/lvs";
  const directory = join(parent, "code");
  try {
    if (!isOurs(parent)) return;
    if (lstatSync(directory, { throwIfNoEntry: false }) === undefined) mkdirSync(directory, { mode: 0o700 });
    if (isOurs(directory)) enable(directory);
  } catch {
    // Read-only, or made by another command at this moment.
  }
}

/** What we run must not come from anyone else. */
function isOurs(directory: string): boolean {
  const found = lstatSync(directory, { throwIfNoEntry: false });
  return found?.isDirectory() === true && found.uid === process.getuid?.() && (found.mode & 0o022) === 0;
}
