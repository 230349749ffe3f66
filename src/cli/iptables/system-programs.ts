import { spawnSync } from "node:child_process";
import { accessSync, constants, realpathSync } from "node:fs";
import { constants as osConstants } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { SystemPrograms } from "./environment.ts";

/** Where systems keep iptables; looked through before PATH, in which ours may come first. */
const FOLDERS = ["/usr/sbin", "/sbin", "/usr/bin", "/bin", "/usr/local/sbin", "/usr/local/bin"];
/** Set for the system's program: should that turn out to be ours under another name, it ends there. */
const HANDED_ON = "LVS_IPTABLES_HANDED_ON";

/** The programs of this machine that are not ours. */
export function systemPrograms(): SystemPrograms {
  return {
    find(program) {
      if (process.env[HANDED_ON]) return null;
      const folders = [...FOLDERS, ...(process.env.PATH ?? "").split(delimiter)];
      const paths = folders.filter((folder) => folder.startsWith("/")).map((folder) => join(folder, program));
      return paths.find(isForeign) ?? null;
    },
    run(path, words) {
      const { status, signal, error } = spawnSync(path, words, {
        stdio: "inherit",
        env: { ...process.env, [HANDED_ON]: "1" },
      });
      if (error !== undefined) throw error;
      return status ?? 128 + osConstants.signals[signal!];
    },
  };
}

/** Where this package keeps its executables, seen from dist/src/cli/iptables. */
const OWN_FOLDER = realpathSync(fileURLToPath(new URL("../../../../", import.meta.url)));

/** Whether there is a program, and it is none of this package, nor a link to one. */
function isForeign(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return !realpathSync(path).startsWith(join(OWN_FOLDER, "bin/"));
  } catch {
    return false;
  }
}
