import { spawnSync } from "node:child_process";
import { constants as osConstants } from "node:os";
import { delimiter } from "node:path";
import { findSystemProgram, SYSTEM_FOLDERS } from "../../linux/index.ts";
import type { SystemPrograms } from "./environment.ts";

/** Set for the system's program: should that turn out to be ours under another name, it ends there. */
const HANDED_ON = "LVS_IPTABLES_HANDED_ON";

/** The programs of this machine that are not ours. */
export function systemPrograms(): SystemPrograms {
  return {
    find(program) {
      if (process.env[HANDED_ON]) return null;
      const folders = [...SYSTEM_FOLDERS, ...(process.env.PATH ?? "").split(delimiter)];
      return findSystemProgram(
        program,
        folders.filter((folder) => folder.startsWith("/")),
      );
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
