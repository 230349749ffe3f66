import { accessSync, constants, realpathSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** Where systems keep what administrates networks; looked through before PATH, in which ours may come first. */
export const SYSTEM_FOLDERS: readonly string[] = [
  "/usr/sbin",
  "/sbin",
  "/usr/bin",
  "/bin",
  "/usr/local/sbin",
  "/usr/local/bin",
];

/** Where this package keeps its executables, seen from dist/src/linux. */
const OWN_FOLDER = join(realpathSync(fileURLToPath(new URL("../../../", import.meta.url))), "bin/");

/** The first program of that name in these folders (absolute) that is none of this package's, nor a link to one; else null. */
export function findSystemProgram(name: string, folders = SYSTEM_FOLDERS): string | null {
  return folders.map((folder) => join(folder, name)).find(isForeign) ?? null;
}

function isForeign(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return !realpathSync(path).startsWith(OWN_FOLDER);
  } catch {
    return false;
  }
}
