import { type ChildProcess, spawnSync } from "node:child_process";
import { createInterface } from "node:readline";
import { spawnInNamespace } from "../src/linux/index.ts";
import { LabFailure } from "./console.ts";

/** Against hanging only: a busy machine may be slow. */
const LIMIT_MS = 300_000;

/** Whether a program is installed. */
export function isInstalled(program: string): boolean {
  return spawnSync("sh", ["-c", `command -v ${program}`]).status === 0;
}

/**
 * Runs a command to its end in a network namespace and gives its standard output; throws what it said if it failed.
 * `signal` ends it.
 */
export async function capture(
  namespace: string,
  argv: readonly [string, ...string[]],
  signal?: AbortSignal,
  env: NodeJS.ProcessEnv = process.env,
): Promise<string> {
  const child = spawnInNamespace(namespace, argv, {
    stdio: ["ignore", "pipe", "pipe"],
    timeout: LIMIT_MS,
    killSignal: "SIGKILL",
    env,
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
  const ended = new Promise<number | NodeJS.Signals | null>((end) => {
    child.once("close", (status, signal) => end(status ?? signal));
    child.once("error", () => end(127));
  });
  if (child.stdout) yield* createInterface({ input: child.stdout });
  const status = await ended;
  if (status !== 0) {
    const [program, ...words] = child.spawnargs;
    const said = program === "sh" ? words.slice(1) : words;
    throw new LabFailure(`${said.join(" ")} ended with ${status}: ${complaint.trim() || "no message"}`);
  }
}

/** Resolves when a server prints its first line. */
export function untilReady(child: ChildProcess): Promise<void> {
  return new Promise((ready, reject) => {
    let complaint = "";
    child.stderr?.on("data", (text) => {
      complaint += String(text);
    });
    child.stdout?.once("data", () => ready());
    child.once("exit", (status) =>
      reject(new LabFailure(`a server ended with ${status}: ${complaint.trim()}`)),
    );
    child.once("error", reject);
  });
}
