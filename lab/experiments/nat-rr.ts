/**
 * Masquerading by round robin, with the addresses of the tutorial: client 1.1.1.1, director 1.1.1.254 and 192.168.1.254,
 * servers 192.168.1.10 and .20, whose home pages are their addresses and whose gateway is the director. Then what the
 * tutorial does with a service that runs: a server is taken away, the scheduler and a weight are changed.
 */
import type { Experiment } from "../experiment.ts";
import { type NetworkPlan, plugged } from "../network.ts";
import { askByWeight } from "../served.ts";
import type { Stage } from "../stage.ts";

const VIP = "1.1.1.254";
const SERVERS = [
  { node: "web1", address: "192.168.1.10" },
  { node: "web2", address: "192.168.1.20" },
] as const;
const [WEB1, WEB2] = [SERVERS[0].address, SERVERS[1].address];
const URL = `http://${VIP}/`;
const REQUESTS = 40;

const plan = (prefix: string): NetworkPlan => ({
  prefix,
  links: [
    [
      { node: "client", device: "eth0", addresses: ["1.1.1.1/24"] },
      { node: "director", device: "eth0", addresses: [`${VIP}/24`] },
    ],
    plugged("switch", "director", ["192.168.1.254/24"], "eth1"),
    ...SERVERS.map(({ node, address }) => plugged("switch", node, [`${address}/24`])),
  ],
  switches: ["switch"],
  routes: [
    { node: "client", to: "default", via: VIP },
    ...SERVERS.map(({ node }) => ({ node, to: "default", via: "192.168.1.254" })),
  ],
});

async function run(stage: Stage): Promise<void> {
  const { console } = stage;
  console.step("Network: client 1.1.1.1 ── 1.1.1.254 director 192.168.1.254 ── switch ── web1 .10, web2 .20");
  for (const { node, address } of SERVERS) await stage.serve(node, "web-server", address, address, "80");
  console.step("The director forwards, and balances in turn");
  await stage.runAll([
    "echo 1 > /proc/sys/net/ipv4/ip_forward",
    `ipvsadm -A -t ${VIP}:80 -s rr`,
    `ipvsadm -a -t ${VIP}:80 -r ${WEB1}:80 -m`,
    `ipvsadm -a -t ${VIP}:80 -r ${WEB2}:80 -m`,
  ]);
  await stage.show("ipvsadm -L -n");
  await ask(stage, 1, 1);

  console.step("A server is taken away while all runs");
  await stage.run(`ipvsadm -d -t ${VIP}:80 -r ${WEB2}:80`);
  await ask(stage, 1, 0);

  console.step("It comes back; another scheduler, and a weight");
  await stage.runAll([
    `ipvsadm -a -t ${VIP}:80 -r ${WEB2}:80 -m`,
    `ipvsadm -E -t ${VIP}:80 -s wrr`,
    `ipvsadm -e -t ${VIP}:80 -r ${WEB1}:80 -m -w 3`,
  ]);
  await ask(stage, 3, 1);
  await stage.show("ipvsadm -L -n --stats");
}

/** Requests, and who served them by these weights. */
async function ask(stage: Stage, web1: number, web2: number): Promise<void> {
  const shares = [
    { name: WEB1, weight: web1 },
    { name: WEB2, weight: web2 },
  ];
  await askByWeight(stage, shares, { url: URL, count: REQUESTS });
}

export const natInTurn: Experiment = {
  about: "director 1.1.1.254, servers 192.168.1.10 and .20; round robin, changes while it runs",
  plan,
  run,
  entries: [
    { node: "director", command: "ipvsadm -L -n", about: "the director" },
    { node: "client", command: `curl ${URL}`, about: "the client" },
  ],
};
