import type { IpvsadmEnvironment } from "./environment.ts";
import { runRestore } from "./run.ts";

const HELP =
  "Usage: ipvsadm-restore < rules\n" +
  "Clears the IPVS table and restores it from rules as ipvsadm-save writes them.\n" +
  "Lines that begin with # are ignored.\n";

/**
 * The command `ipvsadm-restore`: clears the table and restores rules from standard input; lines that begin with `#`
 * are comments. Its words are ignored, except for `-h` and `--help`, which only explain it: the original would clear
 * the table.
 *
 * @param words the command line without the program's name
 * @returns the exit status: that of `ipvsadm --restore`
 */
export function runIpvsadmRestore(words: readonly string[], environment: IpvsadmEnvironment): number {
  if (words.includes("-h") || words.includes("--help")) {
    environment.stdout(HELP);
    return 0;
  }
  const rules = environment
    .stdin()
    .split("\n")
    .filter((line) => !line.startsWith("#"));
  return runRestore(["--clear", ...rules].join("\n"), environment);
}
