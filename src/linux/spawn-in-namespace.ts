import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";
import { inNetworkNamespace } from "./namespace.ts";

/**
 * Starts a command inside a network namespace (a name, or a descriptor of one). Node forks from the thread that
 * calls spawn, so the child, and all it starts, lives in that namespace.
 *
 * This is the way to have Node's own servers and clients in a namespace: spawn process.execPath there. Node opens
 * their sockets later than the call that asks for them, so wrapping that call in inNetworkNamespace is not enough.
 */
export function spawnInNamespace(
  target: string | number,
  argv: readonly [command: string, ...args: string[]],
  options: SpawnOptions = {},
): ChildProcess {
  const [command, ...args] = argv;
  return inNetworkNamespace(target, () => spawn(command, args, options));
}
