import type { ChildProcess } from "node:child_process";
import { createInterface } from "node:readline";
import { spawnInNamespace } from "../src/linux/index.ts";
import { LabFailure } from "./console.ts";

const LIMIT_MS = 60_000;

/**
 * Runs a command to its end in a network namespace and gives its standard output; throws what it said if it failed.
 * `signal` ends it.
 */
export async function capture(
  namespace: string,
  argv: readonly [string, ...string[]],
  signal?: AbortSignal,
): Promise<string> {
  const child = spawnInNamespace(namespace, argv, {
    stdio: ["ignore", "pipe", "pipe"],
    timeout: LIMIT_MS,
    killSignal: "SIGKILL",
    ...(signal === undefined ? {} : { signal }),
  });
  let output = "";
  for await (const line of lines(child)) output += `${line}\n`;
  return output;
}

/** The lines a child prints, to its end; throws if it fails, with what it said on standard error. */
export async function* lines(child: ChildProcess): AsyncGenerator<string> {
  let complaint = "";
  child.stderr?.on("data", (text) => {
    complaint += String(text);
  });
  const ended = new Promise<number | NodeJS.Signals | null>((resolve) => {
    child.once("close", (status, signal) => resolve(status ?? signal));
    child.once("error", () => resolve(127));
  });
  if (child.stdout) yield* createInterface({ input: child.stdout });
  const status = await ended;
  if (status !== 0) {
    throw new LabFailure(
      `${child.spawnargs.slice(1).join(" ")} ended with ${status}: ${complaint.trim() || "no message"}`,
    );
  }
}

/** Resolves when a server prints its first line. */
export function untilReady(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let complaint = "";
    child.stderr?.on("data", (text) => {
      complaint += String(text);
    });
    child.stdout?.once("data", () => resolve());
    child.once("exit", (status) =>
      reject(new LabFailure(`a server ended with ${status}: ${complaint.trim()}`)),
    );
    child.once("error", reject);
  });
}
