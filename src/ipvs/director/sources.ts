/** Which code the datapath is compiled from. */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

/** Folders beside each other whose code decides what a compiled program is. */
const FOLDERS = ["kernel", "bpf"] as const;
/** Parts of them that do not. */
const WITHOUT_EFFECT = /\.(test|d)\.[jt]s$|(^|\/)testing\/|^(loader|simulator|btf|fuzz)\//;

let known: string | undefined;

/** A hash of the datapath's source and of the compiler's, as hexadecimal digits. Some milliseconds, once. */
export function sourceHash(): string {
  if (known !== undefined) return known;
  const hash = createHash("sha256");
  for (const folder of FOLDERS) {
    const root = sourceFolder(folder);
    for (const name of (readdirSync(root, { recursive: true }) as string[]).sort()) {
      if (!/\.[jt]s$/.test(name) || WITHOUT_EFFECT.test(name)) continue;
      hash
        .update(`${folder}/${name}\0`)
        .update(readFileSync(join(root, name)))
        .update("\0");
    }
  }
  known = hash.digest("hex");
  return known;
}

/** The folder with the TypeScript source of one of ours, else the compiled one. */
function sourceFolder(name: string): string {
  const compiled = fileURLToPath(new URL(`../../${name}/`, import.meta.url));
  const map = join(compiled, "index.js.map");
  if (!existsSync(map)) return compiled;
  const { sources } = JSON.parse(readFileSync(map, "utf8")) as { sources?: string[] };
  const source = sources?.[0] === undefined ? compiled : dirname(resolve(compiled, sources[0]));
  return existsSync(source) ? source : compiled;
}
