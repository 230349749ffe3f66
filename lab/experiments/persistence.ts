/**
 * Persistence: clients stay with their server. Six clients of two networks, two services: one remembers single clients, the other
 * networks of clients (`-M`). Then a server is quiesced, and at last all that was remembered is forgotten.
 */
import type { Experiment } from "../experiment.ts";
import { type NetworkPlan, plugged } from "../network.ts";
import { answersTo } from "../served.ts";
import type { Stage } from "../stage.ts";

const VIP = "172.16.254.200";
const SINGLE_PORT = 80;
const NETWORK_PORT = 8080;
const SERVERS = [
  { name: "rs1", address: "192.168.0.18" },
  { name: "rs2", address: "192.168.0.28" },
] as const;
const NETWORKS = [
  ["10.7.1.1", "10.7.1.2", "10.7.1.3"],
  ["10.7.2.1", "10.7.2.2", "10.7.2.3"],
];
const CLIENTS = NETWORKS.flat();
const VISITS = 5;

const plan = (prefix: string): NetworkPlan => ({
  prefix,
  links: [
    [
      {
        node: "client",
        device: "eth0",
        addresses: ["172.16.254.1/24", ...CLIENTS.map((address) => `${address}/24`)],
      },
      { node: "director", device: "eth0", addresses: ["172.16.254.254/24", `${VIP}/32`] },
    ],
    plugged("switch", "director", ["192.168.0.254/24"], "eth1"),
    ...SERVERS.map(({ name, address }) => plugged("switch", name, [`${address}/24`])),
  ],
  switches: ["switch"],
  routes: [
    { node: "director", to: "10.7.0.0/16", via: "172.16.254.1" },
    ...SERVERS.map(({ name }) => ({ node: name, to: "default", via: "192.168.0.254" })),
  ],
  sysctls: [{ node: "director", name: "net.ipv4.ip_forward", value: "1" }],
});

async function run(stage: Stage): Promise<void> {
  const { console } = stage;
  console.step(
    `Network: six clients, ${NETWORKS.map(([first]) => `three from ${first}`).join(" and ")} on ── director ── switch ── rs1, rs2`,
  );
  for (const { name } of SERVERS) {
    await stage.serve(name, "web-server", name, "0.0.0.0", String(SINGLE_PORT));
  }
  await everyClient(stage);
  await everyNetwork(stage);
  await quiesced(stage);
  await forgotten(stage);
}

async function everyClient(stage: Stage): Promise<void> {
  stage.console.step("Each client stays with its server for 900 s after its last connection");
  await stage.run(`ipvsadm -A -t ${VIP}:${SINGLE_PORT} -s rr -p 900`);
  await addServers(stage, SINGLE_PORT);
  const visits = await visitAll(stage, SINGLE_PORT);
  stage.check("each client had one server for all of its connections", [...visits.values()].every(isOne));
  stage.check(
    "round robin spread the clients evenly",
    [...visits.values()].filter(([name]) => name === "rs1").length === CLIENTS.length / 2,
  );
  const table = await stage.show("ipvsadm -Lnc | awk 'NR < 3 || $4 ~ /:0$/'");
  stage.check("a template remembers each client", table.match(/:0 +172/g)?.length === CLIENTS.length, table);
}

async function everyNetwork(stage: Stage): Promise<void> {
  stage.console.step("Networks of clients: -M 255.255.255.0");
  await stage.run(`ipvsadm -A -t ${VIP}:${NETWORK_PORT} -s rr -p 900 -M 255.255.255.0`);
  await addServers(stage, NETWORK_PORT);
  const visits = await visitAll(stage, NETWORK_PORT);
  for (const clients of NETWORKS) {
    const names = new Set(clients.flatMap((client) => visits.get(client) ?? []));
    stage.check(`${clients[0]} and its neighbours share ${[...names].join(" and ")}`, names.size === 1);
  }
  const table = await stage.show(`lvs connections --templates -t ${VIP}:${NETWORK_PORT}`);
  stage.check(
    "a template remembers each network",
    table.match(/ 10\.7\.\d\.0/g)?.length === NETWORKS.length,
    table,
  );
}

async function quiesced(stage: Stage): Promise<void> {
  const { console } = stage;
  console.step("A server of weight 0 gets no new clients, but keeps those that it has");
  await stage.run(`ipvsadm -e -t ${VIP}:${SINGLE_PORT} -r ${SERVERS[0].address}:80 -m -w 0`);
  const kept = await visitAll(stage, SINGLE_PORT);
  stage.check(
    "clients of rs1 still come to it",
    [...kept.values()].some(([name]) => name === "rs1"),
  );
  console.say("To be rid of them, too:");
  await stage.run("lvs sysctl expire_quiescent_template=1");
  const moved = await visitAll(stage, SINGLE_PORT);
  stage.check(
    "all clients come to rs2",
    [...moved.values()].flat().every((name) => name === "rs2"),
  );
}

async function forgotten(stage: Stage): Promise<void> {
  stage.console.step("What is remembered can be forgotten");
  await stage.run(`ipvsadm -e -t ${VIP}:${SINGLE_PORT} -r ${SERVERS[0].address}:80 -m -w 1`);
  await stage.show(`lvs flush --templates -t ${VIP}:${SINGLE_PORT}`);
  const visits = await visitAll(stage, SINGLE_PORT);
  stage.check("clients are spread anew, over both servers", new Set([...visits.values()].flat()).size === 2);
}

const isOne = (names: readonly string[]) => new Set(names).size === 1;

async function addServers(stage: Stage, port: number): Promise<void> {
  await stage.runAll(SERVERS.map(({ address }) => `ipvsadm -a -t ${VIP}:${port} -r ${address}:80 -m`));
}

/** Lets each client connect several times, shows who served it, and gives the servers' names by client. */
async function visitAll(stage: Stage, port: number): Promise<Map<string, string[]>> {
  const visits = new Map<string, string[]>();
  for (const client of CLIENTS) {
    const names: string[] = [];
    const requests = { url: `http://${VIP}:${port}/`, count: VISITS, source: client };
    for await (const name of answersTo(stage, requests)) names.push(name);
    visits.set(client, names);
  }
  stage.console.table(
    ["client", ...Array.from({ length: VISITS }, (_, i) => `#${i + 1}`)],
    [...visits].map(([client, names]) => [client, ...names]),
  );
  return visits;
}

export const persistence: Experiment = {
  about: "clients stay with their server; templates, netmasks, quiesced servers",
  plan,
  run,
  entries: [
    { node: "director", command: "lvs connections --templates", about: "who is remembered" },
    {
      node: "client",
      command: `curl --interface ${CLIENTS[0]} http://${VIP}/`,
      about: `a client: ${CLIENTS.join(", ")}`,
    },
  ],
};
