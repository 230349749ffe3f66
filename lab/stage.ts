import type { ChildProcess } from "node:child_process";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { spawnInNamespace } from "../src/linux/index.ts";
import { type Console, LabFailure } from "./console.ts";
import { type NetworkPlan, namespaceOf } from "./network.ts";
import { capture, untilReady } from "./process.ts";

/** How long processes may take to end, ms. */
const ENDING_MS = 2000;

const BIN = fileURLToPath(new URL("../../bin", import.meta.url));
const script = (name: string) => fileURLToPath(new URL(`${name}.js`, import.meta.url));

/** The environment of a lab's commands: our programs are found first, and Node, and what only root's PATH has. */
export function labEnvironment(): NodeJS.ProcessEnv {
  const path = [BIN, dirname(process.execPath), process.env.PATH, "/usr/sbin", "/sbin"];
  return { ...process.env, PATH: path.filter(Boolean).join(":"), LC_ALL: "C" };
}

/** Where servers of a lab keep files, for as long as it is up. */
export function filesOf(prefix: string): string {
  return `/run/${prefix}.files`;
}

/** Where an experiment happens: the hosts of a network that has been built, and the screen. */
export class Stage {
  readonly plan: NetworkPlan;
  readonly console: Console;
  readonly #signal: AbortSignal;
  /** Servers outlive this process. */
  readonly #keep: boolean;
  readonly #children = new Set<ChildProcess>();
  /** Below the ports that the kernel gives by itself: no lab takes 20,000. */
  #nextPort = 10_000;

  constructor(plan: NetworkPlan, console: Console, signal: AbortSignal, keep: boolean) {
    this.plan = plan;
    this.console = console;
    this.#signal = signal;
    this.#keep = keep;
  }

  namespace(node: string): string {
    return namespaceOf(this.plan, node);
  }

  /** Starts a process at a host; it is ended with the lab. Who waits for it hears of its end. */
  start(node: string, argv: readonly [string, ...string[]], detached = false): ChildProcess {
    this.#signal.throwIfAborted();
    const child = spawnInNamespace(this.namespace(node), argv, {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...labEnvironment(), TMPDIR: filesOf(this.plan.prefix) },
      detached,
      signal: this.#signal,
      killSignal: "SIGKILL",
    });
    this.#children.add(child);
    child.on("exit", () => this.#children.delete(child));
    child.on("error", () => {});
    return child;
  }

  /** The first of so many ports for clients, which are given once in a lab. */
  takePorts(count: number): number {
    const first = this.#nextPort;
    this.#nextPort += count;
    return first;
  }

  /** Starts a script of this folder at a host: `web-client`. */
  script(node: string, name: string, ...words: string[]): ChildProcess {
    return this.start(node, [process.execPath, script(name), ...words]);
  }

  /** Starts a server, a script of this folder, and resolves when it is ready. It stays if the lab is left up. */
  async serve(node: string, name: string, ...words: string[]): Promise<void> {
    const child = this.start(node, [process.execPath, script(name), ...words], this.#keep);
    await untilReady(child);
  }

  /**
   * Shows a command line and runs it in a shell at a host, the director unless another is named; gives what it prints. Throws
   * LabFailure with what it complained of if it fails.
   */
  run(command: string, node = "director"): Promise<string> {
    this.#signal.throwIfAborted();
    this.console.command(command, node === "director" ? "" : node);
    return this.quietly(command, node);
  }

  /** As `run`, without showing the command. */
  async quietly(command: string, node = "director"): Promise<string> {
    this.#signal.throwIfAborted();
    try {
      return await capture(this.namespace(node), ["sh", "-c", command], this.#signal, labEnvironment());
    } catch (error) {
      this.#signal.throwIfAborted();
      throw error;
    }
  }

  /** Runs several command lines, one after the other. */
  async runAll(commands: readonly string[], node = "director"): Promise<void> {
    for (const command of commands) await this.run(command, node);
  }

  /** Runs a command line and shows what it prints. */
  async show(command: string, node = "director"): Promise<string> {
    const output = await this.run(command, node);
    this.console.say(output);
    return output;
  }

  /** Shows what was found out, and throws LabFailure unless it holds. */
  check(what: string, holds: boolean, found = ""): void {
    if (!holds) throw new LabFailure(`not so: ${what}${found === "" ? "" : `; found: ${found}`}`);
    this.console.say(`✓ ${what}`);
  }

  /** Ends what was started, and waits for it. */
  async end(): Promise<void> {
    const children = [...this.#children];
    const ends = children.map((child) => new Promise((resolve) => child.once("exit", resolve)));
    for (const child of children) child.kill("SIGKILL");
    await Promise.race([Promise.all(ends), sleep(ENDING_MS, undefined, { ref: false })]);
  }

  /** Lets go of servers that stay. */
  leave(): void {
    for (const child of this.#children) {
      child.stdout?.destroy();
      child.stderr?.destroy();
      child.unref();
    }
  }
}
