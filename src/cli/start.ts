/**
 * How an executable begins. To load some hundred modules one by one takes Node longer than most commands; so the build
 * also writes all of them into one file, dist/packed.js (scripts/pack.js).
 */
import { statSync } from "node:fs";
import type { COMMANDS, Program } from "./commands.ts";
import { useCompileCache } from "./compile-cache.ts";

const PACKED = new URL("../../packed.js", import.meta.url);
/** Written by every build that changes something: a packed file that is older is not of this code. */
const BUILT = new URL("../../.tsbuildinfo", import.meta.url);

/**
 * Runs an executable as this process, from the packed file if it is there and as new as the modules. Under LVS_DEBUG
 * from the modules, so that what is printed of an error names their files.
 */
export async function start(program: Program): Promise<void> {
  useCompileCache();
  const commands: { readonly COMMANDS: typeof COMMANDS } = isPackedCurrent()
    ? await import(PACKED.href)
    : await import("./commands.ts");
  await commands.COMMANDS[program]();
}

function isPackedCurrent(): boolean {
  if (process.env.LVS_DEBUG) return false;
  const packed = statSync(PACKED, { throwIfNoEntry: false });
  const built = statSync(BUILT, { throwIfNoEntry: false });
  return packed !== undefined && (built === undefined || packed.mtimeMs >= built.mtimeMs);
}
