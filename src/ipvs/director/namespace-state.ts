/** The state of the calling thread's network namespace: where it is pinned, who may touch it, whether it is there. */
import { existsSync, statSync } from "node:fs";
import { possibleCpus } from "../../bpf/loader/index.ts";
import {
  currentNetworkNamespace,
  type FileLock,
  openStateDirectory,
  type StateDirectory,
} from "../../linux/index.ts";
import { initialise } from "../table-administration.ts";
import { collectDead } from "./collect.ts";
import { Datapath } from "./datapath.ts";
import { awaitRuns, noteChange } from "./grace-period.ts";
import { Interfaces } from "./interfaces.ts";
import { KernelPlane } from "./kernel-plane.ts";
import { attachSign, removeSign } from "./life-sign.ts";
import { lockNamespace, lockPath } from "./namespace-lock.ts";
import { createTables, openTables, type PinnedTables, removeDirectory } from "./pinned-tables.ts";
import type { Places } from "./places.ts";

/** What there is of a director. */
export interface Present {
  readonly tables: PinnedTables;
  readonly datapath: Datapath;
  readonly plane: KernelPlane;
}

export class NamespaceState {
  readonly places: Places;
  /** The namespace's number: never given twice until the next boot. */
  readonly cookie: bigint;
  #root: StateDirectory | undefined;
  #present: (Present & { readonly inode: number }) | undefined;

  constructor(places: Places) {
    this.places = places;
    this.cookie = currentNetworkNamespace().cookie;
  }

  /** The namespace's directory of pins, for messages. */
  get name(): string {
    return `${this.places.stateDirectory}/bpf/${this.cookie}`;
  }

  /** Calls `work` with what there is, or null; nobody else changes it meanwhile. Makes nothing. */
  read<T>(work: (present: Present | null) => T): T {
    if (!this.exists()) return work(null);
    return this.#locked(() => work(this.exists() ? this.#open() : null));
  }

  /**
   * As {@link read}, for changes. `create` is asked whether a director is to be made if there is none; one that was
   * made for work that then fails is removed again.
   */
  change<T>(create: () => boolean, work: (present: Present | null) => T): T {
    if (!this.exists() && !create()) return work(null);
    this.#root ??= openStateDirectory(this.places.stateDirectory);
    return this.#locked(() => {
      const made = !this.exists();
      const present = made ? this.#create() : this.#open();
      try {
        return work(present);
      } catch (error) {
        if (made) this.remove();
        throw error;
      } finally {
        noteChange(this.#lockPath);
      }
    });
  }

  /** Calls `work` with nobody else at it, whatever the state is in. Null if there is none at all. */
  alone<T>(work: (directory: string) => T): T | null {
    if (!this.exists()) return null;
    return this.#locked(() => (this.exists() ? work(this.#directory) : null));
  }

  /** Whether there is a director. */
  exists(): boolean {
    this.#root ??= openStateDirectory(this.places.stateDirectory, { create: false });
    return this.#root !== undefined && existsSync(this.#directory);
  }

  /** Removes everything of ours from the namespace. For who holds the lock. */
  remove(): void {
    this.#forget();
    new Interfaces(this.#directory).detachEverything();
    removeSign(this.#directory);
    removeDirectory(this.#directory);
  }

  /** As {@link remove}, for who does not hold the lock, and the lock's file, too. Whether there was anything. */
  unload(): boolean {
    if (!this.exists()) return false;
    const lock = this.#lock();
    try {
      if (!this.exists()) return false;
      this.remove();
      lock.remove();
      return true;
    } finally {
      lock.release();
    }
  }

  close(): void {
    this.#forget();
    this.#root?.close();
    this.#root = undefined;
  }

  get #directory(): string {
    return `${this.#root!.path}/${this.cookie}`;
  }

  get #lockPath(): string {
    return lockPath(this.#root!, this.cookie);
  }

  /** What is there, opened once and again when another process has made it anew. */
  #open(): Present {
    const inode = statSync(this.#directory).ino;
    if (this.#present?.inode === inode) return this.#present;
    this.#forget();
    return this.#use(openTables(this.#directory), inode);
  }

  #create(): Present {
    this.#forget();
    collectDead(this.#root!, this.cookie);
    const tables = createTables(this.#directory, this.places.connections, (made, unfinished) => {
      initialise(made, { connections: this.places.connections, cpus: possibleCpus() });
      attachSign(unfinished);
    });
    return this.#use(tables, statSync(this.#directory).ino);
  }

  #use(tables: PinnedTables, inode: number): Present {
    const datapath = new Datapath(tables, this.places.cacheDirectory);
    const plane = new KernelPlane(tables, datapath, () => awaitRuns(this.#lockPath));
    this.#present = { tables, datapath, plane, inode };
    return this.#present;
  }

  #forget(): void {
    this.#present?.tables.close();
    this.#present = undefined;
  }

  #locked<T>(work: () => T): T {
    const lock = this.#lock();
    try {
      return work();
    } finally {
      lock.release();
    }
  }

  #lock(): FileLock {
    return lockNamespace(this.#root!, this.cookie, this.places);
  }
}
