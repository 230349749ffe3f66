/**
 * Which interfaces people want left alone: empty directories beside the pins, since a BPF file system holds no files.
 * "detached-3": not this one; "detached-all": none but those with "allowed-3".
 */
import { existsSync, mkdirSync, readdirSync, rmdirSync } from "node:fs";

const FORBIDDEN = "detached-";
const ALLOWED = "allowed-";
const ALL = "all";

export class InterfaceMarks {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  isForbidden(index: number): boolean {
    if (this.#has(`${FORBIDDEN}${index}`)) return true;
    return this.#has(`${FORBIDDEN}${ALL}`) && !this.#has(`${ALLOWED}${index}`);
  }

  forbid(index: number): void {
    this.#clear(`${ALLOWED}${index}`);
    this.#set(`${FORBIDDEN}${index}`);
  }

  allow(index: number): void {
    this.#clear(`${FORBIDDEN}${index}`);
    if (this.#has(`${FORBIDDEN}${ALL}`)) this.#set(`${ALLOWED}${index}`);
  }

  /** All there are, and all that come. */
  forbidAll(): void {
    this.#set(`${FORBIDDEN}${ALL}`);
    for (const name of this.#names()) if (name !== `${FORBIDDEN}${ALL}`) this.#clear(name);
  }

  allowAll(): void {
    for (const name of this.#names()) this.#clear(name);
  }

  /** Forgets interfaces that are gone. */
  forgetAllBut(present: ReadonlySet<number>): void {
    for (const name of this.#names()) {
      const index = name.slice(name.indexOf("-") + 1);
      if (index !== ALL && !present.has(Number(index))) this.#clear(name);
    }
  }

  #names(): string[] {
    return readdirSync(this.#directory).filter(
      (name) => name.startsWith(FORBIDDEN) || name.startsWith(ALLOWED),
    );
  }

  #has(name: string): boolean {
    return existsSync(`${this.#directory}/${name}`);
  }

  #set(name: string): void {
    if (!this.#has(name)) mkdirSync(`${this.#directory}/${name}`);
  }

  #clear(name: string): void {
    if (this.#has(name)) rmdirSync(`${this.#directory}/${name}`);
  }
}
