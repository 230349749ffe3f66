/**
 * Direct routing with the addresses of the tutorial: VIP 192.168.0.38:80, director 192.168.0.8, servers 192.168.0.18 (weight 3) and
 * .28 (weight 1), all on one segment, the client too: so it shows at once if a real server answers ARP for the virtual
 * address.
 */
import type { Experiment } from "../experiment.ts";
import { deviceOf, type NetworkPlan, plugged } from "../network.ts";
import { isInstalled } from "../process.ts";
import { askByWeight } from "../served.ts";
import type { Stage } from "../stage.ts";

const VIP = "192.168.0.38";
const SERVERS = [
  { name: "rs1", address: "192.168.0.18", weight: 3 },
  { name: "rs2", address: "192.168.0.28", weight: 1 },
] as const;
const REQUESTS = 200;

const HOSTS = [
  { node: "client", address: "192.168.0.1" },
  { node: "director", address: "192.168.0.8" },
  ...SERVERS.map(({ name, address }) => ({ node: name, address })),
];

const plan = (prefix: string): NetworkPlan => ({
  prefix,
  links: HOSTS.map(({ node, address }) => plugged("switch", node, [`${address}/24`])),
  switches: ["switch"],
});

/** The tutorial's commands; where net-tools are not installed, what iproute2 has for them. */
function virtualAddressCommands(device: string): string[] {
  if (isInstalled("ifconfig") && isInstalled("route")) {
    return [
      `ifconfig ${device}:0 ${VIP} broadcast ${VIP} netmask 255.255.255.255 up`,
      `route add -host ${VIP} dev ${device}:0`,
    ];
  }
  return [`ip addr add ${VIP}/32 dev ${device} label ${device}:0`];
}

const QUIET_ABOUT_IT = [
  'echo "1" >/proc/sys/net/ipv4/conf/lo/arp_ignore',
  'echo "2" >/proc/sys/net/ipv4/conf/lo/arp_announce',
  'echo "1" >/proc/sys/net/ipv4/conf/all/arp_ignore',
  'echo "2" >/proc/sys/net/ipv4/conf/all/arp_announce',
];

async function run(stage: Stage, prepareServer: readonly string[]): Promise<void> {
  const { console } = stage;
  console.step("Network: client .1, director .8, rs1 .18 and rs2 .28 on one switch, 192.168.0.0/24");
  for (const { name } of SERVERS) await stage.serve(name, "web-server", name, "0.0.0.0", "80");
  console.step("Real servers: the virtual address on lo, and no ARP answers about it");
  for (const { name } of SERVERS) await stage.runAll(prepareServer, name);
  console.step("Director");
  await stage.runAll([
    "echo 1 > /proc/sys/net/ipv4/ip_forward",
    ...virtualAddressCommands("eth0"),
    "ipvsadm -C",
    `ipvsadm -A -t ${VIP}:80 -s wrr`,
    ...SERVERS.map(({ address, weight }) => `ipvsadm -a -t ${VIP}:80 -r ${address}:80 -g -w ${weight}`),
  ]);
  await stage.show("ipvsadm -Ln");

  console.step(`${REQUESTS} requests, one connection each`);
  await askByWeight(stage, SERVERS, { url: `http://${VIP}/`, count: REQUESTS });
  await checkCounters(stage);
  const neighbour = await stage.show(`grep "^${VIP} " /proc/net/arp`, "client");
  const { mac } = deviceOf(stage.plan, "director", "eth0");
  stage.check("to the client the virtual address is the director's", neighbour.includes(mac), neighbour);
}

/** The director must not have seen a single answer. */
async function checkCounters(stage: Stage): Promise<void> {
  const statistics = await stage.show("ipvsadm -Ln --stats");
  const [connections, incoming, outgoing] =
    /^TCP +\S+ +(\d+) +(\d+) +(\d+)/m.exec(statistics)?.slice(1) ?? [];
  stage.check(
    "the director saw the requests and no answer: those go straight to the client",
    connections === String(REQUESTS) && Number(incoming) > REQUESTS && outgoing === "0",
    statistics,
  );
}

const entries = [
  { node: "director", command: "ipvsadm -Ln", about: "the director" },
  { node: "rs1", command: "ip address show dev lo", about: "a real server" },
  { node: "client", command: `curl http://${VIP}/`, about: "the client" },
];

export const directByHand: Experiment = {
  about: "VIP 192.168.0.38, servers .18 and .28 with it on lo; direct routing, wrr 3 : 1",
  plan,
  run: (stage) => run(stage, [...virtualAddressCommands("lo"), ...QUIET_ABOUT_IT]),
  entries,
};

export const directByOurs: Experiment = {
  about: "the same; real servers prepared by `lvs realserver start`",
  plan,
  run: (stage) => run(stage, [`lvs realserver start --vip ${VIP}`]),
  entries,
  takeDown: SERVERS.map(({ name }) => ({ node: name, command: `lvs realserver stop --vip ${VIP}` })),
};
