import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { hasCode } from "../../linux/index.ts";
import { EMPTY_RECORD, type HostRecord, isEmpty, parseRecord, recordText } from "./record.ts";

/** The record in a file: read whole, replaced whole. For who holds the namespace's lock. */
export class RecordFile {
  readonly #path: string;
  /** For messages: where it is in the initial mount namespace. */
  readonly #name: string;

  constructor(path: string, name: string) {
    this.#path = path;
    this.#name = name;
  }

  /** Empty if there is none. Throws Error if it is damaged, saying what to do. */
  read(): HostRecord {
    try {
      return parseRecord(readFileSync(this.#path, "utf8"), bootId());
    } catch (error) {
      if (hasCode(error, "ENOENT")) return EMPTY_RECORD;
      if (!(error instanceof SyntaxError)) throw error;
      const advice = "remove it, and undo by hand what it says was done";
      throw new Error(`${this.#name} is no record of lvs realserver (${error.message}): ${advice}`);
    }
  }

  /** An empty record leaves no file. */
  write(record: HostRecord): void {
    if (isEmpty(record)) {
      rmSync(this.#path, { force: true });
      return;
    }
    const aside = `${this.#path}~`;
    writeFileSync(aside, recordText(record, bootId()), { mode: 0o600 });
    renameSync(aside, this.#path);
  }
}

function bootId(): string {
  return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
}
