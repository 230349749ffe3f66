import { readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** Every file below `folder` (a file URL) whose name ends in `suffix`, sorted. */
export function globSync(folder, suffix) {
  const root = fileURLToPath(folder);
  return readdirSync(root, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(suffix))
    .map((name) => join(root, name))
    .sort();
}
