/** Compiled programs on disk. Everything that goes wrong here is told, not thrown: the cache only saves time. */
import {
  accessSync,
  constants,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
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

  /** Why the cache cannot be used, or its directory not be made; undefined if it can. Makes nothing. */
  problem(): string | undefined {
    try {
      const there = nearest(this.#directory);
      if (!statSync(there).isDirectory()) return `${there} is no directory`;
      accessSync(there, constants.W_OK | constants.X_OK);
      const isForeign = there === this.#directory && !this.#isOurs(there);
      return isForeign ? `${there} may be written by other users` : undefined;
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }

  /** Makes its directory, if that is possible. */
  prepare(): void {
    try {
      makeDirectory(this.#directory, 0o700);
    } catch {
      // problem() tells why.
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

/** That path, or the closest one above it that is there. */
function nearest(path: string): string {
  const isThere = statSync(path, { throwIfNoEntry: false }) !== undefined;
  return isThere || path === dirname(path) ? path : nearest(dirname(path));
}

function discard(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // There is nothing, or no way, to remove it.
  }
}
