/** Compiled programs on disk. Everything that goes wrong here is told, not thrown: the cache only saves time. */
import { readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { makeDirectory } from "../../linux/index.ts";

/** What files of compiled programs end in. */
export const PROGRAM_SUFFIX = ".program";
/** More files than this are not kept; the least recently written go first. */
const MOST_FILES = 64;

export class ProgramCache {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Why the cache cannot be used; undefined if it can. Tries to make its directory. */
  problem(): string | undefined {
    try {
      makeDirectory(this.#directory, 0o700);
      const probe = join(this.#directory, `~${process.pid}`);
      writeFileSync(probe, "probe");
      rmSync(probe);
      return this.#isOurs(this.#directory) ? undefined : `${this.#directory} may be written by other users`;
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }

  /** What was written under that key; undefined if nothing was, or someone else could have. */
  read(key: string): Uint8Array | undefined {
    const path = this.#path(key);
    try {
      return this.#isOurs(this.#directory) && this.#isOurs(path) ? readFileSync(path) : undefined;
    } catch {
      return undefined;
    }
  }

  write(key: string, bytes: Uint8Array): void {
    const aside = join(this.#directory, `~${process.pid}`);
    try {
      makeDirectory(this.#directory, 0o700);
      this.#makeRoom();
      writeFileSync(aside, bytes, { mode: 0o600 });
      renameSync(aside, this.#path(key));
    } catch {
      discard(aside);
    }
  }

  #path(key: string): string {
    return join(this.#directory, `${key}${PROGRAM_SUFFIX}`);
  }

  /** What we load into the kernel must not come from anyone else. */
  #isOurs(path: string): boolean {
    const { uid, mode } = statSync(path);
    return uid === process.getuid?.() && (mode & 0o022) === 0;
  }

  #makeRoom(): void {
    const files = readdirSync(this.#directory)
      .filter((name) => name.endsWith(PROGRAM_SUFFIX))
      .map((name) => ({
        path: join(this.#directory, name),
        time: statSync(join(this.#directory, name)).mtimeMs,
      }))
      .sort((a, b) => b.time - a.time);
    for (const { path } of files.slice(MOST_FILES - 1)) rmSync(path, { force: true });
  }
}

function discard(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // There is nothing, or no way, to remove it.
  }
}
