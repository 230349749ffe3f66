/** The director and its servers of plan.ts, up and running: real listening sockets, real connections, no processes. */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { examine, type Finding, gatherFacts, mend, type Role } from "../../src/ipvs/doctor/index.ts";
import { unload } from "../../src/ipvs/index.ts";
import {
  AF,
  bindSocket,
  type ConnectOutcome,
  close,
  deleteNeighbour,
  encodeSocketAddress,
  hasCode,
  inNetworkNamespace,
  listenSocket,
  listNeighbours,
  type NetlinkSocket,
  probeConnections,
  SOCK,
  socket,
  withRouteSocket,
} from "../../src/linux/index.ts";
import { ip } from "../../src/net/index.ts";
import { buildNetwork, type NetworkPlan, namespaceOf, nodesOf, removeNetwork } from "../network.ts";
import {
  doctorPlan,
  doctorRules,
  FAMILIES,
  type Family,
  METHODS,
  type Method,
  PORT,
  portOf,
  virtual,
} from "./plan.ts";

const program = (name: string): string => fileURLToPath(new URL(`../../../bin/${name}`, import.meta.url));
/** How long a client waits for its connection, ms. */
const PATIENCE = 400;
/** How long what was changed may take to show, and how often is tried, ms. */
const SETTLED = 3000;
const STEP = 100;

/** What a doctor is told beside what can be seen. */
export interface Visit {
  readonly virtualAddresses?: readonly string[];
  readonly directors?: readonly string[];
  /** Default: true. */
  readonly probe?: boolean;
}

export class Ward {
  readonly plan: NetworkPlan;
  readonly #listening: number[] = [];

  constructor(prefix: string) {
    this.plan = doctorPlan(prefix);
    buildNetwork(this.plan);
    try {
      for (const method of METHODS) this.#listening.push(this.inside(method, () => listen(portOf(method))));
      const vips = FAMILIES.flatMap((family) => ["--vip", virtual(family, "tun")]);
      this.run("tun", "lvs", ["realserver", "start", "--mode", "tun", ...vips]);
      this.run("director", "ipvsadm", ["-R"], doctorRules());
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Calls `work` with this thread in a node. */
  inside<T>(node: string, work: () => T): T {
    return inNetworkNamespace(namespaceOf(this.plan, node), work);
  }

  /** Calls `work` with a netlink socket of a node. */
  network<T>(node: string, work: (socket: NetlinkSocket) => T): T {
    return withRouteSocket(work, namespaceOf(this.plan, node));
  }

  /** What a doctor finds at a node. */
  examine(
    node: string,
    role: Role = node === "director" ? "director" : "realserver",
    visit: Visit = {},
  ): Finding[] {
    const { virtualAddresses = [], directors = [], probe = true } = visit;
    return this.inside(node, () =>
      examine(gatherFacts({ hints: { virtualAddresses, directors }, probe }), [role]),
    );
  }

  /** Mends what is safe, as `lvs doctor --fix`; the commands. Throws if one fails. */
  mend(node: string, findings: readonly Finding[]): string[] {
    return this.inside(node, () => mend(findings)).map(({ command, problem }) => {
      if (problem !== null) throw new Error(`${command}: ${problem}`);
      return command;
    });
  }

  /** What a client's connection to a virtual address comes to. */
  connect(family: Family, method: Method, node = "client"): ConnectOutcome {
    const to = { address: ip(virtual(family, method)), port: PORT };
    return this.inside(node, () => probeConnections([{ to }], PATIENCE))[0]!;
  }

  /**
   * Connects until that comes to one of `wanted`, or to what it comes to in the end. The datapath asks for ways once a second, and hosts
   * remember neighbours.
   */
  connectUntil(wanted: (outcome: ConnectOutcome) => boolean, family: Family, method: Method): ConnectOutcome {
    const deadline = performance.now() + SETTLED;
    for (const node of nodesOf(this.plan)) this.network(node, forgetNeighbours);
    for (;;) {
      const outcome = this.connect(family, method);
      if (wanted(outcome) || performance.now() > deadline) return outcome;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, STEP);
    }
  }

  /** Runs a program of the package at a node. Throws what it complained of. */
  run(node: string, command: string, words: readonly string[], input = ""): string {
    const { stdout, stderr, status } = this.start(node, command, words, input);
    if (status !== 0)
      throw new Error(`${command} ${words.join(" ")} ended with ${status}: ${stderr}${stdout}`);
    return stdout;
  }

  /** As {@link run}, however it ends. */
  start(node: string, command: string, words: readonly string[], input = "") {
    return this.inside(node, () =>
      spawnSync(process.execPath, [program(command), ...words], { encoding: "utf8", input }),
    );
  }

  /** Runs a program of the system's at a node. Throws what it complained of. */
  system(node: string, command: string, ...words: readonly string[]): string {
    const { status, stdout, stderr, error } = this.inside(node, () =>
      spawnSync(command, words, { encoding: "utf8" }),
    );
    if (status !== 0) throw new Error(`${command} ${words.join(" ")}: ${stderr || error?.message}`);
    return stdout;
  }

  close(): void {
    for (const fd of this.#listening) close(fd);
    try {
      this.start("tun", "lvs", [
        "realserver",
        "stop",
        ...FAMILIES.flatMap((family) => ["--vip", virtual(family, "tun")]),
      ]);
      this.inside("director", () => unload());
    } finally {
      removeNetwork(this.plan.prefix);
    }
  }
}

function forgetNeighbours(socket: NetlinkSocket): void {
  for (const { index, address } of listNeighbours(socket)) {
    try {
      deleteNeighbour(socket, index, address);
    } catch (error) {
      // It has gone by itself, or is one that the kernel keeps.
      if (!hasCode(error, "ENOENT", "EINVAL", "EOPNOTSUPP")) throw error;
    }
  }
}

/** A socket at any address, of IPv6 and IPv4, with which the kernel makes connections. */
function listen(port: number): number {
  const fd = socket(AF.INET6, SOCK.STREAM, 0);
  bindSocket(fd, encodeSocketAddress({ address: ip("::"), port }));
  listenSocket(fd);
  return fd;
}
