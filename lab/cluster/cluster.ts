/** The cluster, built and running. */
import { type ChildProcess, spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { inNetworkNamespace, spawnInNamespace } from "../../src/linux/index.ts";
import { buildNetwork, type NetworkPlan, namespaceOf, removeNetwork } from "../network.ts";
import { lines, untilReady } from "../process.ts";
import {
  type ClusterSettings,
  clusterPlan,
  FAMILIES,
  SERVERS,
  serverHost,
  serverName,
  virtualAddress,
  wireAddress,
} from "./plan.ts";
import type * as tasks from "./tasks.ts";

type Tasks = typeof tasks;

const script = (name: string) => fileURLToPath(new URL(`./${name}.js`, import.meta.url));
const program = (name: string) => fileURLToPath(new URL(`../../../bin/${name}`, import.meta.url));

/** A command that ended badly. */
export class CommandError extends Error {
  override readonly name = "CommandError";
  readonly code = "LAB_COMMAND";
}

export class Cluster {
  readonly plan: NetworkPlan;
  readonly #client: ChildProcess;
  readonly #answers: AsyncIterator<string>;

  private constructor(plan: NetworkPlan) {
    this.plan = plan;
    this.#client = spawnInNamespace(
      namespaceOf(plan, "client"),
      [process.execPath, script("client-process")],
      {
        stdio: ["pipe", "pipe", "inherit"],
      },
    );
    this.#answers = lines(this.#client);
  }

  /** Builds the network and starts the servers. */
  static async start(settings: ClusterSettings): Promise<Cluster> {
    const plan = clusterPlan(settings);
    buildNetwork(plan);
    try {
      const virtual = FAMILIES.flatMap((family) =>
        Array.from({ length: settings.virtualAddresses }, (_, i) => virtualAddress(family, i)),
      );
      const servers = SERVERS.map(({ kind, number }) => {
        const own = FAMILIES.map((family) => wireAddress(family, serverHost(kind, number)));
        const name = serverName(kind, number);
        const addresses = kind === "direct" ? virtual : own;
        return spawnInNamespace(namespaceOf(plan, name), [
          process.execPath,
          script("server-process"),
          name,
          ...addresses,
        ]);
      });
      await Promise.all(servers.map(untilReady));
      return new Cluster(plan);
    } catch (error) {
      removeNetwork(plan.prefix);
      throw error;
    }
  }

  /** Runs a task at the client. Throws what it complained of. */
  async client<Name extends keyof Tasks>(
    name: Name,
    ...values: Parameters<Tasks[Name]>
  ): Promise<Awaited<ReturnType<Tasks[Name]>>> {
    this.#client.stdin!.write(`${JSON.stringify([name, ...values])}\n`);
    const { value: line, done } = await this.#answers.next();
    if (done) throw new CommandError("the client process has ended");
    const { value, error } = JSON.parse(line) as { value?: unknown; error?: string };
    if (error !== undefined) throw new CommandError(`${name} ${values.join(" ")}: ${error}`);
    return value as Awaited<ReturnType<Tasks[Name]>>;
  }

  /**
   * Runs a program of the package at the director; gives what it prints. LVS_LAB_IPVSADM names another ipvsadm: that
   * of the kernel's ip_vs, to try the lab itself.
   */
  director(command: "ipvsadm" | "lvs", words: readonly string[], input = ""): string {
    const other = command === "ipvsadm" ? process.env.LVS_LAB_IPVSADM : undefined;
    const argv = other === undefined ? [program(command), ...words] : words;
    const { status, stdout, stderr } = inNetworkNamespace(this.node("director"), () =>
      spawnSync(other ?? process.execPath, argv, { encoding: "utf8", input }),
    );
    if (status !== 0 || stderr !== "") {
      throw new CommandError(`${command} ${words.join(" ")} ended with ${status}: ${stderr}`);
    }
    return stdout;
  }

  /** The namespace of a node. */
  node(name: string): string {
    return namespaceOf(this.plan, name);
  }

  stop(): void {
    this.#client.kill("SIGKILL");
    inNetworkNamespace(this.node("director"), () => spawnSync(process.execPath, [program("lvs"), "unload"]));
    removeNetwork(this.plan.prefix);
  }
}
