import type { IpvsadmEnvironment } from "./environment.ts";
import { runIpvsadm } from "./run.ts";

const HELP =
  "ipvsadm-save: Script to save the IPVS table to stdout.\n" +
  "   With the -n option, prints out the table in numeric format.\n";

/**
 * The command `ipvsadm-save [-n]`: prints the table as rules that `ipvsadm-restore` reads. Words that do not begin
 * with a dash are ignored.
 *
 * @param words the command line without the program's name
 * @returns the exit status: that of `ipvsadm --save`, 1 with the usage on standard error for any other option
 */
export function runIpvsadmSave(words: readonly string[], environment: IpvsadmEnvironment): number {
  if (words.some((word) => word.startsWith("-") && word !== "-n")) {
    environment.stderr(HELP);
    return 1;
  }
  return runIpvsadm(words.includes("-n") ? ["--save", "--numeric"] : ["--save"], environment);
}
