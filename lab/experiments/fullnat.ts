/**
 * FullNAT: the servers are in another network, listen at another port, and have no route to clients at all. They see local addresses
 * of the director as their peers.
 */
import type { Experiment } from "../experiment.ts";
import { type NetworkPlan, plugged } from "../network.ts";
import { answersTo, askByWeight } from "../served.ts";
import type { Stage } from "../stage.ts";

const VIP = "172.16.254.200";
const LOCAL_ADDRESSES = ["10.1.0.200", "10.1.0.201"];
const SERVERS = [
  { name: "rs1", address: "10.2.0.1", weight: 1 },
  { name: "rs2", address: "10.2.0.2", weight: 1 },
] as const;
const REAL_PORT = 8080;
const REQUESTS = 100;

const plan = (prefix: string): NetworkPlan => ({
  prefix,
  links: [
    [
      { node: "client", device: "eth0", addresses: ["172.16.254.1/24"] },
      { node: "director", device: "eth0", addresses: ["172.16.254.254/24", `${VIP}/32`] },
    ],
    [
      {
        node: "director",
        device: "eth1",
        addresses: ["10.1.0.254/24", ...LOCAL_ADDRESSES.map((address) => `${address}/24`)],
      },
      { node: "router", device: "director", addresses: ["10.1.0.1/24"] },
    ],
    ...SERVERS.map(({ name, address }) => plugged("switch", name, [`${address}/24`])),
    plugged("switch", "router", ["10.2.0.254/24"], "servers"),
  ],
  switches: ["switch"],
  routes: [
    { node: "director", to: "10.2.0.0/24", via: "10.1.0.1" },
    // To the director's network and to no other.
    ...SERVERS.map(({ name }) => ({ node: name, to: "10.1.0.0/24", via: "10.2.0.254" })),
  ],
  sysctls: [
    { node: "director", name: "net.ipv4.ip_forward", value: "1" },
    { node: "router", name: "net.ipv4.ip_forward", value: "1" },
  ],
});

async function run(stage: Stage): Promise<void> {
  const { console } = stage;
  console.step(
    "Network: client ── director ── router ── switch ── rs1, rs2; servers have no route to the client",
  );
  for (const { name, address } of SERVERS) {
    await stage.serve(name, "web-server", name, address, String(REAL_PORT));
  }
  const service = `-t ${VIP}:80`;
  await stage.runAll([
    `ipvsadm -A ${service} -s rr`,
    ...LOCAL_ADDRESSES.map((address) => `ipvsadm -P ${service} -z ${address}`),
    ...SERVERS.map(({ address }) => `ipvsadm -a ${service} -r ${address}:${REAL_PORT} --fullnat`),
  ]);
  await stage.show("ipvsadm -Ln");

  console.step(
    `${REQUESTS} requests, one connection each; port 80 of the service is ${REAL_PORT} of the servers`,
  );
  await askByWeight(stage, SERVERS, { url: `http://${VIP}/`, count: REQUESTS });

  console.step("Whom do the servers see?");
  const peers = new Map<string, number>();
  for await (const line of answersTo(stage, { url: `http://${VIP}/peer`, count: 20 })) {
    const peer = line.split(" ")[1] ?? "nobody";
    peers.set(peer, (peers.get(peer) ?? 0) + 1);
  }
  console.table(
    ["peer", "requests"],
    [...peers].map(([peer, times]) => [peer, String(times)]),
  );
  stage.check(
    "servers see local addresses of the director, each of them",
    [...peers.keys()].sort().join() === LOCAL_ADDRESSES.join(),
  );
  await stage.show("ipvsadm -G -n");
  await stage.show("ipvsadm -Ln --stats");
}

export const fullNat: Experiment = {
  about:
    "servers in another network without a route to clients; FullNAT, two local addresses, port 80 to 8080",
  plan,
  run,
  entries: [
    {
      node: "director",
      command: "lvs connections",
      about: "the director; its NOTES say as whom a client comes to a server",
    },
    { node: "client", command: `curl http://${VIP}/peer`, about: "the client, and whom the server sees" },
  ],
};
