import { randomBytes } from "node:crypto";
import { readdirSync, renameSync, rmSync } from "node:fs";
import { bpf, close } from "../../linux/index.ts";
import { pinAttribute } from "./object-attributes.ts";

export interface PinOptions {
  /** Take the place of what is pinned there, in one step: the path always names one of the two. Default false. */
  readonly replace?: boolean;
}

/** In the names that pins have for a moment on their way to the place of another. */
const ASIDE = "~";

/** Something in the kernel that lives as long as a descriptor or a pin holds it: a map, a program, a link. */
export abstract class Pinned {
  readonly #what: string;
  readonly #fd: number;
  #open = true;

  constructor(fd: number, what: string) {
    this.#fd = fd;
    this.#what = what;
  }

  /** The descriptor. Throws after {@link close}, so that nobody uses a number that means another file by now. */
  get fd(): number {
    if (!this.#open) throw new Error(`${this.#what} is closed`);
    return this.#fd;
  }

  /**
   * Gives it a name in a BPF file system (no dot in the last part), where it outlives this process. Throws
   * SystemError, EEXIST if the name is taken.
   */
  pin(path: string, options: PinOptions = {}): void {
    if (!options.replace) {
      bpf("BPF_OBJ_PIN", pinAttribute(this.fd, path).bytes, { attempted: `${this.#what} at ${path}` });
      return;
    }
    const aside = `${path}${ASIDE}${randomBytes(6).toString("hex")}`;
    bpf("BPF_OBJ_PIN", pinAttribute(this.fd, aside).bytes, { attempted: `${this.#what} at ${aside}` });
    try {
      renameSync(aside, path);
    } catch (error) {
      rmSync(aside, { force: true });
      throw error;
    }
  }

  /** Lets the descriptor go. Idempotent. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    close(this.#fd);
  }

  /** For `using`. */
  [Symbol.dispose](): void {
    this.close();
  }
}

/** Removes a pin; what it held lives on while anything else holds it. Whether there was one. */
export function unpin(path: string): boolean {
  try {
    rmSync(path);
    return true;
  } catch (error) {
    if ((error as { code?: string }).code === "ENOENT") return false;
    throw error;
  }
}

/**
 * Removes pins that a process left beside their place when it was killed while it replaced another. For who holds
 * the lock of the directory. Returns how many there were.
 */
export function sweepPins(directory: string): number {
  const left = readdirSync(directory).filter((name) => name.includes(ASIDE));
  for (const name of left) rmSync(`${directory}/${name}`, { force: true });
  return left.length;
}
