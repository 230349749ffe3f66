import { mkdirSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { hasCode } from "./errno.ts";

/**
 * Makes a directory and those above it that are missing, with this mode; one that is there stays as it is. (Node's own
 * recursive mkdirSync never returns where the kernel answers ENOENT below a directory that exists, as in /proc.)
 */
export function makeDirectory(path: string, mode = 0o777): void {
  const missing: string[] = [];
  for (let each = resolve(path); ; each = dirname(each)) {
    try {
      mkdirSync(each, { mode });
    } catch (error) {
      if (hasCode(error, "ENOENT") && each !== dirname(each) && missing.length < 100) {
        missing.push(each);
        continue;
      }
      if (!hasCode(error, "EEXIST")) throw error;
    }
    break;
  }
  for (const each of missing.reverse()) mkdirSync(each, { mode });
}
