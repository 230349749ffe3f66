/**
 * The NAT lab: a client, a director and three real servers behind a switch, as in the tutorials (VIP
 * 172.16.254.200:80, weighted round robin). Runs real requests through the balancer, then ends every process of ours
 * during a download to show that traffic does not notice.
 */
import type { ChildProcess } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { spawnInNamespace } from "../src/linux/index.ts";
import { type Console, LabFailure } from "./console.ts";
import { buildNetwork, type NetworkPlan, namespaceOf, nodesLeftUp, removeNetwork } from "./network.ts";
import { capture, lines, untilReady } from "./process.ts";

const VIP = "172.16.254.200";
const PORT = 80;
const SERVERS = [
  { name: "rs1", address: "192.168.0.18", weight: 3 },
  { name: "rs2", address: "192.168.0.28", weight: 2 },
  { name: "rs3", address: "192.168.0.38", weight: 1 },
] as const;
/** A whole number of turns of the weights. */
const REQUESTS = 600;
const DOWNLOAD_BYTES = 8_000_000;
const KILLS = 12;

/** What namespaces of the lab are called before the node's name, unless the environment says otherwise. */
export const NAT_PREFIX = "lvs-nat";

const planOf = (prefix: string): NetworkPlan => ({
  prefix,
  links: [
    [
      { node: "client", device: "eth0", addresses: ["172.16.254.1/24"] },
      { node: "director", device: "outside", addresses: ["172.16.254.254/24", `${VIP}/32`] },
    ],
    [
      { node: "director", device: "inside", addresses: ["192.168.0.254/24"] },
      { node: "switch", device: "director" },
    ],
    ...SERVERS.map(
      ({ name, address }) =>
        [
          { node: name, device: "eth0", addresses: [`${address}/24`] },
          { node: "switch", device: name },
        ] as const,
    ),
  ],
  switches: ["switch"],
  routes: SERVERS.map(({ name }) => ({ node: name, to: "default", via: "192.168.0.254" })),
  sysctls: [{ node: "director", name: "net.ipv4.ip_forward", value: "1" }],
});

const script = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const program = (name: string) => fileURLToPath(new URL(`../../bin/${name}`, import.meta.url));

/** Settings of a run. */
export interface NatLabOptions {
  /** Names of namespaces begin so. */
  readonly prefix: string;
  /** Leaves the network, the servers and the service up. */
  readonly keep: boolean;
  readonly console: Console;
  /** Aborted by Ctrl-C: what runs is ended and cleaned up. */
  readonly signal: AbortSignal;
}

/**
 * Runs the lab. Rejects with a {@link LabFailure} if the balancer does not do what it promises, or if there is a lab
 * already, kept or left behind: nobody's experiment is torn down unasked.
 */
export async function natLab({ prefix, keep, console, signal }: NatLabOptions): Promise<void> {
  const plan = planOf(prefix);
  if (nodesLeftUp(prefix).length > 0) {
    throw new LabFailure("there is a nat lab already, left up before: `lvs lab nat --remove` takes it down");
  }
  const children = new Set<ChildProcess>();
  const start = (node: string, argv: readonly [string, ...string[]], detached = false) => {
    signal.throwIfAborted();
    const child = spawnInNamespace(namespaceOf(plan, node), argv, {
      stdio: ["ignore", "pipe", "pipe"],
      detached,
      signal,
      killSignal: "SIGKILL",
    });
    children.add(child);
    child.on("exit", () => children.delete(child));
    // Who waits for it hears of its end.
    child.on("error", () => {});
    return child;
  };
  let done = false;
  try {
    console.step("Network: client ── director ── switch ── three real servers");
    buildNetwork(plan);
    for (const { name, address } of SERVERS) {
      const server = start(
        name,
        [process.execPath, script("web-server.js"), name, address, String(PORT)],
        keep,
      );
      await untilReady(server);
    }
    const ipvsadm: Ipvsadm = (args) => {
      signal.throwIfAborted();
      console.command(`ipvsadm ${args.join(" ")}`);
      return capture(namespaceOf(plan, "director"), [process.execPath, program("ipvsadm"), ...args], signal);
    };
    await configure(ipvsadm);
    console.say(await ipvsadm(["-Ln"]));
    await distribution(start, console);
    await killing(start, console);
    console.say(await ipvsadm(["-Ln"]));
    console.say(await ipvsadm(["-Ln", "--stats"]));
    done = true;
  } finally {
    if (keep && done) farewell(plan, console, children);
    else await clean(prefix, children);
  }
}

/** Shows a command, runs it on the director and gives what it prints. */
type Ipvsadm = (args: readonly string[]) => Promise<string>;

/** The tutorial's commands. */
async function configure(ipvsadm: Ipvsadm): Promise<void> {
  const service = ["-t", `${VIP}:${PORT}`];
  await ipvsadm(["-A", ...service, "-s", "wrr"]);
  for (const { address, weight } of SERVERS) {
    await ipvsadm(["-a", ...service, "-r", `${address}:${PORT}`, "-m", "-w", String(weight)]);
  }
}

type Start = (node: string, argv: readonly [string, ...string[]]) => ChildProcess;

async function distribution(start: Start, console: Console): Promise<void> {
  console.step(`${REQUESTS} requests, one connection each`);
  const served = new Map<string, number>(SERVERS.map(({ name }) => [name, 0]));
  const child = start("client", [
    process.execPath,
    script("web-client.js"),
    "get",
    `http://${VIP}:${PORT}/`,
    String(REQUESTS),
  ]);
  let answers = 0;
  for await (const name of lines(child)) {
    served.set(name, (served.get(name) ?? 0) + 1);
    answers++;
    console.progress(
      answers / REQUESTS,
      [...served].map(([server, count]) => `${server} ${count}`).join("  "),
    );
  }
  console.progressDone();
  const weights = SERVERS.reduce((sum, { weight }) => sum + weight, 0);
  const rows = SERVERS.map(({ name, weight }) => ({
    name,
    weight,
    expected: (REQUESTS * weight) / weights,
    served: served.get(name) ?? 0,
  }));
  console.table(
    ["server", "weight", "promised", "served"],
    rows.map((row) => [row.name, String(row.weight), String(row.expected), String(row.served)]),
  );
  const wrong = rows.filter((row) => row.served !== row.expected);
  if (answers !== REQUESTS || wrong.length > 0) {
    throw new LabFailure(
      `the weights promise ${rows.map((row) => row.expected).join(" : ")}, but ${rows.map((row) => row.served).join(" : ")} were served`,
    );
  }
}

/** Ends commands of ours with SIGKILL, one after the other at odd moments, while a download runs through the balancer. */
async function killing(start: Start, console: Console): Promise<void> {
  console.step(`A download of ${DOWNLOAD_BYTES / 1e6} MB; meanwhile every process of ours gets SIGKILL`);
  const child = start("client", [
    process.execPath,
    script("web-client.js"),
    "download",
    `http://${VIP}:${PORT}/big/${DOWNLOAD_BYTES}`,
  ]);
  let killed = 0;
  const finished = { yes: false };
  const killer = (async () => {
    while (killed < KILLS && !finished.yes) {
      const victim = start("director", [
        process.execPath,
        program("ipvsadm"),
        "-e",
        "-t",
        `${VIP}:${PORT}`,
        "-r",
        `${SERVERS[0].address}:${PORT}`,
        "-m",
        "-w",
        "3",
      ]);
      await sleep(40 + killed * 12);
      if (victim.exitCode === null) {
        victim.kill("SIGKILL");
        killed++;
      }
    }
  })();
  const download = async () => {
    let last = "";
    for await (const line of lines(child)) {
      if (line.startsWith("done")) last = line;
      else
        console.progress(
          Number(line) / DOWNLOAD_BYTES,
          `${(Number(line) / 1e6).toFixed(1)} MB, ${killed} processes killed`,
        );
    }
    finished.yes = true;
    return last;
  };
  const [summary] = await Promise.all([download(), killer]);
  console.progressDone();
  const [, bytes, server] = summary.split(" ");
  if (Number(bytes) !== DOWNLOAD_BYTES) throw new LabFailure(`the download ended early: "${summary}"`);
  console.say(`complete: ${bytes} bytes from ${server}, ${killed} processes of ours killed meanwhile`);
}

function farewell(plan: NetworkPlan, console: Console, children: ReadonlySet<ChildProcess>): void {
  console.step("Left up");
  console.say(`ip netns exec ${namespaceOf(plan, "director")} ${program("ipvsadm")} -Ln
    the director
ip netns exec ${namespaceOf(plan, "client")} curl http://${VIP}/
    a client
${program("lvs")} lab nat --remove
    takes it all down`);
  for (const child of children) {
    child.stdout?.destroy();
    child.stderr?.destroy();
    child.unref();
  }
}

async function clean(prefix: string, children: ReadonlySet<ChildProcess>): Promise<void> {
  const ends = [...children].map((child) => new Promise((resolve) => child.once("exit", resolve)));
  for (const child of children) child.kill("SIGKILL");
  await Promise.race([Promise.all(ends), sleep(2000, undefined, { ref: false })]);
  await removeNatLab(prefix);
}

/** Takes a lab down that was left up: the balancer's state, the servers and the namespaces. */
export async function removeNatLab(prefix: string): Promise<void> {
  await capture(namespaceOf(planOf(prefix), "director"), [process.execPath, program("lvs"), "unload"]).catch(
    () => {},
  );
  removeNetwork(prefix);
}
