import { readFileSync } from "node:fs";
import { hasCode } from "./errno.ts";

/** The lines of a file such as /etc/services, in words, without comments. */
export function readNames(text: string): readonly (readonly string[])[] {
  return text
    .split("\n")
    .map((line) => line.replace(/#.*/, "").trim().split(/\s+/))
    .filter(([first]) => first !== "");
}

/** The text of such a file. Without the file there is none. */
export function readNameFile(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (hasCode(error, "ENOENT", "EACCES")) return "";
    throw error;
  }
}
