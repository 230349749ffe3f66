import type { ChildProcess } from "node:child_process";
import { spawnInNamespace } from "../src/linux/index.ts";

/** A command that failed: its words, exit status and what it said. */
export class CommandFailed extends Error {
  readonly code = "COMMAND_FAILED";
  constructor(argv: readonly string[], status: number | null, output: string) {
    super(`${argv.join(" ")} ended with ${status}: ${output.trim().slice(-2000)}`);
    this.name = "CommandFailed";
  }
}

/** Runs a command to its end inside a network namespace and gives its standard output. Killed after `seconds`. */
export function run(
  namespace: string,
  argv: readonly [string, ...string[]],
  { input, seconds = 120, env }: { input?: string; seconds?: number; env?: NodeJS.ProcessEnv } = {},
): Promise<string> {
  const child = spawnInNamespace(namespace, argv, {
    stdio: ["pipe", "pipe", "pipe"],
    timeout: seconds * 1000,
    env: env ?? process.env,
  });
  let stdout = "";
  let stderr = "";
  child.stdout?.on("data", (data) => {
    stdout += String(data);
  });
  child.stderr?.on("data", (data) => {
    stderr += String(data);
  });
  child.stdin?.on("error", () => {});
  child.stdin?.end(input ?? "");
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (status) => {
      if (status === 0) resolve(stdout);
      else reject(new CommandFailed(argv, status, stderr + stdout));
    });
  });
}

const servers = new Set<ChildProcess>();

/** Starts a server inside a network namespace; `endServers` ends it. */
export function serve(namespace: string, argv: readonly [string, ...string[]]): ChildProcess {
  const child = spawnInNamespace(namespace, argv, { stdio: ["ignore", "ignore", "inherit"] });
  servers.add(child);
  child.on("exit", () => servers.delete(child));
  return child;
}

/** Ends every server that `serve` started and waits until they are gone. */
export async function endServers(): Promise<void> {
  const ends = [...servers].map((child) => new Promise((resolve) => child.on("exit", resolve)));
  for (const child of servers) child.kill("SIGTERM");
  const patience = setTimeout(() => {
    for (const child of servers) child.kill("SIGKILL");
  }, 3000);
  await Promise.all(ends);
  clearTimeout(patience);
}
