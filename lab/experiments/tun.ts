/**
 * Tunnels: the servers are in another network, behind a router; the director packs clients' packets for them into
 * packets of its own, in three ways, one after the other. Servers unpack them, have the virtual address on lo, and answer clients
 * directly.
 */
import { openPacketSocket, type PacketSocket } from "../../src/linux/index.ts";
import { formatIp } from "../../src/net/index.ts";
import type { Experiment } from "../experiment.ts";
import { type NetworkPlan, plugged } from "../network.ts";
import { askByWeight } from "../served.ts";
import type { Stage } from "../stage.ts";

const VIP = "172.16.254.200";
const DIP = "10.1.0.254";
const GUE_PORT = 6080;
const SERVERS = [
  { name: "rs1", address: "10.2.0.1", weight: 2 },
  { name: "rs2", address: "10.2.0.2", weight: 1 },
] as const;
const REQUESTS = 60;

/** The kinds of tunnels: what ipvsadm says for them, and what the outer packet then carries (IANA protocol numbers). */
const KINDS = [
  { name: "IP in IP", words: "", protocol: 4, overhead: 20 },
  { name: "GUE", words: ` --tun-type gue --tun-port ${GUE_PORT}`, protocol: 17, overhead: 20 + 8 + 4 },
  { name: "GRE", words: " --tun-type gre", protocol: 47, overhead: 20 + 4 },
] as const;

const plan = (prefix: string): NetworkPlan => ({
  prefix,
  links: [
    plugged("lan", "client", ["172.16.254.1/24"]),
    plugged("lan", "director", ["172.16.254.254/24", `${VIP}/32`]),
    plugged("lan", "router", ["172.16.254.253/24"], "clients"),
    [
      { node: "director", device: "eth1", addresses: [`${DIP}/24`] },
      { node: "router", device: "director", addresses: ["10.1.0.1/24"] },
    ],
    ...SERVERS.map(({ name, address }) => plugged("switch", name, [`${address}/24`])),
    plugged("switch", "router", ["10.2.0.254/24"], "servers"),
  ],
  switches: ["lan", "switch"],
  routes: [
    { node: "director", to: "10.2.0.0/24", via: "10.1.0.1" },
    ...SERVERS.map(({ name }) => ({ node: name, to: "default", via: "10.2.0.254" })),
  ],
  sysctls: [
    { node: "director", name: "net.ipv4.ip_forward", value: "1" },
    { node: "router", name: "net.ipv4.ip_forward", value: "1" },
    // Answers come from an address that lives at another of its legs.
    ...["all", "clients", "servers"].map((device) => ({
      node: "router",
      name: `net.ipv4.conf.${device}.rp_filter`,
      value: "0",
    })),
  ],
});

async function run(stage: Stage): Promise<void> {
  const { console } = stage;
  console.step(
    "Network: client ── lan ── director ── router ── switch ── rs1, rs2; the router is on the lan, too",
  );
  for (const { name } of SERVERS) await stage.serve(name, "web-server", name, "0.0.0.0", "80");
  console.step("Real servers: the virtual address on lo, tunnels are unpacked");
  for (const { name } of SERVERS) {
    await stage.run(`lvs realserver start --vip ${VIP} --mode tun`, name);
  }
  for (const [i, kind] of KINDS.entries()) {
    console.step(`${kind.name}: ${kind.overhead} bytes more a packet`);
    const service = `-t ${VIP}:80`;
    if (i === 0) await stage.run(`ipvsadm -A ${service} -s wrr`);
    await stage.runAll(
      SERVERS.map(
        ({ address, weight }) =>
          `ipvsadm -${i === 0 ? "a" : "e"} ${service} -r ${address}:80 -i${kind.words} -w ${weight}`,
      ),
    );
    const wire = openPacketSocket("eth0", stage.namespace("rs1"));
    try {
      await askByWeight(stage, SERVERS, { url: `http://${VIP}/`, count: REQUESTS });
      checkWire(stage, outerHeaders(wire), kind.protocol);
    } finally {
      wire.close();
    }
  }
  await stage.show("ipvsadm -Ln --tun-info");
  const statistics = await stage.show("ipvsadm -Ln --stats");
  stage.check("answers do not pass the director", / 0 +\d+ +0$/m.test(statistics), statistics);
}

/** What came to a server: "10.1.0.254 > 10.2.0.1, protocol 4", with how often. */
function outerHeaders(wire: PacketSocket): Map<string, number> {
  const seen = new Map<string, number>();
  for (const { bytes, outgoing } of wire.receiveAll(100)) {
    const isIpv4 = bytes[12] === 0x08 && bytes[13] === 0x00;
    if (outgoing || !isIpv4) continue;
    const [source, destination] = [bytes.slice(26, 30), bytes.slice(30, 34)].map(formatIp);
    const text = `${source} > ${destination}, protocol ${bytes[23]}`;
    seen.set(text, (seen.get(text) ?? 0) + 1);
  }
  return seen;
}

function checkWire(stage: Stage, seen: ReadonlyMap<string, number>, protocol: number): void {
  const all = [...seen].map(([header, times]) => `${times} × ${header}`).join("; ");
  stage.console.say(`what comes to rs1 by its wire: ${all}`);
  stage.check(
    "the director's packets hold the clients'",
    [...seen.keys()].join() === `${DIP} > ${SERVERS[0].address}, protocol ${protocol}`,
    all,
  );
}

export const tunnels: Experiment = {
  about: "servers in another network behind a router; IP in IP, GUE and GRE, wrr 2 : 1",
  plan,
  run,
  entries: [
    { node: "director", command: "ipvsadm -Ln --tun-info", about: "the director" },
    { node: "rs1", command: "tcpdump -ni eth0", about: "what comes to a real server" },
    { node: "client", command: `curl http://${VIP}/`, about: "the client" },
  ],
  takeDown: SERVERS.map(({ name }) => ({ node: name, command: `lvs realserver stop --vip ${VIP}` })),
};
