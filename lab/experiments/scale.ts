/**
 * What a new connection costs with more and more services: rules of iptables are gone through one after the other, services of
 * IPVS are looked up. Two directors beside each other, one with iptables as Kubernetes' kube-proxy writes it, one with lvs, the same
 * client and server; what is measured is the time that a TCP handshake takes through each.
 *
 * LVS_LAB_SERVICES gives other numbers of services than the usual: "1,1000". With LVS_LAB_MEASURE_ONLY=1 the times are shown and not
 * judged: on a machine with other work they say little.
 */
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { findSystemProgram } from "../../src/linux/index.ts";
import { LabFailure } from "../console.ts";
import type { Experiment } from "../experiment.ts";
import type { End, NetworkPlan } from "../network.ts";
import { lines } from "../process.ts";
import { filesOf, type Stage } from "../stage.ts";

const USUAL = [1, 100, 1000, 2000, 5000];
/** Handshakes through each director at a time, and how often in turn: so a slow moment of the machine hits both. */
const HANDSHAKES = 150;
const TURNS = 4;
const FIRST_PORT = 10_000;
const SERVERS = [1, 2];
const BAR = 40;

/** How much slower lvs may be with the most services than with the fewest: what the machine's own noise amounts to. */
const FLAT = 2;

interface Contender {
  readonly name: "iptables" | "lvs";
  readonly node: string;
  /** Second number of its addresses: 10.NETWORK.x.y. */
  readonly network: number;
  /** Its configuration with so many services, of which the last one is at port 80. */
  rules(services: number): string;
  /** The command that takes that on standard input in place of what was there. */
  restore(): string;
}

const virtual = (network: number) => `10.${network}.3.1`;
const server = (network: number, host: number) => `10.${network}.1.${host}`;

function ports(services: number): number[] {
  return [...Array.from({ length: services - 1 }, (_, i) => FIRST_PORT + i), 80];
}

const LVS: Contender = {
  name: "lvs",
  node: "director",
  network: 1,
  rules: (services) =>
    ports(services)
      .map((port) => `-t ${virtual(1)}:${port}`)
      .flatMap((service) => [
        `-A ${service} -s rr`,
        ...SERVERS.map((host) => `-a ${service} -r ${server(1, host)}:80 -m`),
      ])
      .join("\n"),
  restore: () => "ipvsadm -C && ipvsadm -R",
};

const IPTABLES: Contender = {
  name: "iptables",
  node: "iptables",
  network: 2,
  rules: (services) => {
    const chains = ports(services).map((port) => ({ port, chain: `SVC-${port}` }));
    return [
      "*nat",
      ...chains.map(({ chain }) => `:${chain} - [0:0]`),
      ...chains.flatMap(({ port, chain }) => [
        `-A PREROUTING -d ${virtual(2)}/32 -p tcp -m tcp --dport ${port} -j ${chain}`,
        `-A ${chain} -p tcp -m statistic --mode random --probability 0.5 -j DNAT --to-destination ${server(2, 1)}:80`,
        `-A ${chain} -p tcp -j DNAT --to-destination ${server(2, 2)}:80`,
      ]),
      "COMMIT",
    ].join("\n");
  },
  restore: () => {
    const program = findSystemProgram("iptables-restore");
    if (program === null) {
      throw new LabFailure(
        "the scale lab compares with iptables, which is not installed: apt install iptables",
      );
    }
    return program;
  },
};

const CONTENDERS = [IPTABLES, LVS];

function links({ node, network }: Contender, index: number): (readonly [End, End])[] {
  const device = `eth${index}`;
  return [
    [
      { node: "client", device, addresses: [`10.${network}.0.2/24`] },
      { node, device: "outside", addresses: [`10.${network}.0.1/24`, `${virtual(network)}/32`] },
    ],
    [
      { node, device: "inside", addresses: [`10.${network}.1.254/24`] },
      { node: "server", device, addresses: SERVERS.map((host) => `${server(network, host)}/24`) },
    ],
  ];
}

const plan = (prefix: string): NetworkPlan => ({
  prefix,
  links: CONTENDERS.flatMap(links),
  routes: CONTENDERS.flatMap(({ network }) => [
    { node: "client", to: `${virtual(network)}/32`, via: `10.${network}.0.1` },
    { node: "server", to: `10.${network}.0.0/24`, via: `10.${network}.1.254` },
  ]),
  sysctls: CONTENDERS.map(({ node }) => ({ node, name: "net.ipv4.ip_forward", value: "1" })),
});

/** What was found with so many services: microseconds of a handshake, by contender. */
interface Row {
  readonly services: number;
  readonly handshake: Readonly<Record<Contender["name"], number>>;
}

async function run(stage: Stage): Promise<void> {
  const { console } = stage;
  const counts = (process.env.LVS_LAB_SERVICES?.split(",").map(Number) ?? USUAL).filter(
    (count) => count >= 1,
  );
  console.step(
    "Network: client ── iptables ── server, and beside it client ── director with lvs ── the same server",
  );
  await stage.serve("server", "web-server", "server", "0.0.0.0", "80");
  console.step(`Services with two servers each; the one that is asked is the newest`);
  const rows: Row[] = [];
  for (const services of counts) {
    for (const contender of CONTENDERS) await program(stage, contender, services);
    rows.push({ services, handshake: await measure(stage) });
  }
  report(stage, rows);
}

async function program(stage: Stage, contender: Contender, services: number): Promise<void> {
  const file = join(filesOf(stage.plan.prefix), `${contender.name}-${services}`);
  writeFileSync(file, `${contender.rules(services)}\n`);
  const command = contender.restore();
  stage.console.command(`${command.replace(/^\/.*\//, "")} < ${services}-services`, contender.node);
  const start = performance.now();
  await stage.quietly(`${command} < ${file}`, contender.node);
  stage.console.say(`programmed in ${((performance.now() - start) / 1000).toFixed(2)} s`);
  rmSync(file);
}

/** The median handshake through each director. */
async function measure(stage: Stage): Promise<Row["handshake"]> {
  const found = { iptables: [] as number[], lvs: [] as number[] };
  for (let turn = 0; turn < TURNS; turn++) {
    for (const { name, network } of CONTENDERS) {
      const words = ["connect", `http://${virtual(network)}/`, String(HANDSHAKES)];
      for await (const line of lines(stage.script("client", "web-client", ...words))) {
        found[name].push(Number(line));
      }
    }
  }
  return { iptables: median(found.iptables), lvs: median(found.lvs) };
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

function report(stage: Stage, rows: readonly Row[]): void {
  const { console } = stage;
  console.step("A handshake of TCP through the director, median");
  console.table(
    ["services", "iptables", "lvs"],
    rows.map(({ services, handshake }) => [
      String(services),
      `${handshake.iptables} µs`,
      `${handshake.lvs} µs`,
    ]),
  );
  const longest = Math.max(...rows.flatMap(({ handshake }) => [handshake.iptables, handshake.lvs]));
  for (const { name } of CONTENDERS) {
    console.say(`\n${name}`);
    for (const { services, handshake } of rows) {
      console.say(
        `${String(services).padStart(6)} ${"█".repeat(Math.max(1, Math.round((BAR * handshake[name]) / longest)))} ${handshake[name]} µs`,
      );
    }
  }
  console.say("");
  const first = rows[0]?.handshake;
  const last = rows.at(-1)?.handshake;
  if (rows.length < 2 || first === undefined || last === undefined) return;
  if (process.env.LVS_LAB_MEASURE_ONLY === "1") {
    console.say("not judged: LVS_LAB_MEASURE_ONLY is 1");
    return;
  }
  const growth = { iptables: last.iptables - first.iptables, lvs: last.lvs - first.lvs };
  const seen = `iptables ${first.iptables} → ${last.iptables} µs, lvs ${first.lvs} → ${last.lvs} µs`;
  stage.check("lvs stays flat", last.lvs <= FLAT * first.lvs, seen);
  stage.check(
    "iptables grows with the number of services",
    growth.iptables > 0 && growth.iptables > 2 * growth.lvs,
    seen,
  );
}

export const scale: Experiment = {
  about: "iptables and lvs beside each other with 1 to 5,000 services",
  plan,
  run,
  entries: [
    { node: "director", command: "lvs status", about: "the director with lvs" },
    { node: "iptables", command: "iptables-save -t nat", about: "the one with iptables" },
    { node: "client", command: `curl http://${virtual(LVS.network)}/`, about: "the client, by lvs" },
    {
      node: "client",
      command: `curl http://${virtual(IPTABLES.network)}/`,
      about: "the client, by iptables",
    },
  ],
};
