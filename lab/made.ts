/**
 * Which namespaces a lab has made: written down before it makes them, so that what is taken down later, by whatever process, is the lab's
 * and nothing else. The record lies among the lab's files, in /run, and goes with the next boot as namespaces do.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { listNetworkNamespaces } from "../src/linux/index.ts";
import { filesOf } from "./stage.ts";

const SUFFIX = ".namespaces";

function recordOf(prefix: string, lab: string): string {
  return `${filesOf(prefix)}/${lab}${SUFFIX}`;
}

/** The lab is about to make these namespaces. */
export function noteMade(prefix: string, lab: string, namespaces: readonly string[]): void {
  mkdirSync(filesOf(prefix), { recursive: true, mode: 0o755 });
  writeFileSync(recordOf(prefix, lab), namespaces.map((name) => `${name}\n`).join(""));
}

/** The namespaces that the lab has made and that are there. */
export function madeBy(prefix: string, lab: string): string[] {
  const record = recordOf(prefix, lab);
  if (!existsSync(record)) return [];
  const present = new Set(listNetworkNamespaces());
  return readFileSync(record, "utf8")
    .split("\n")
    .filter((name) => present.has(name));
}

/** The lab's namespaces are gone; with the last lab of that prefix its files go, too. */
export function forgetMade(prefix: string, lab: string): void {
  const folder = filesOf(prefix);
  if (!existsSync(folder)) return;
  rmSync(recordOf(prefix, lab), { force: true });
  const isInUse = readdirSync(folder).some((name) => name.endsWith(SUFFIX));
  if (!isInUse) rmSync(folder, { recursive: true, force: true });
}
