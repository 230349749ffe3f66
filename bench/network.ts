import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { buildNetwork, deviceOf, type NetworkPlan, namespaceOf, removeNetwork } from "../lab/network.ts";
import { run, serve } from "./child.ts";
import { type BenchLab, BULK_PORT, HTTP_PORT } from "./lab.ts";
import { scratchFolder } from "./scratch.ts";

const PREFIX = "lvsbench";
const SERVERS = 5;

/** Builds the network of contender number `index` (0…): 10.(100+index).0.0/16. */
export function buildLab(index: number): BenchLab {
  const net = `10.${100 + index}`;
  const rips = Array.from({ length: SERVERS }, (_, i) => `${net}.2.${10 + i}`);
  const plan: NetworkPlan = {
    prefix: `${PREFIX}${index}`,
    links: [
      [
        { node: "client", device: "eth0", addresses: [`${net}.1.2/24`] },
        { node: "director", device: "outside", addresses: [`${net}.1.1/24`, `${net}.3.1/32`] },
      ],
      [
        { node: "director", device: "inside", addresses: [`${net}.2.1/24`] },
        { node: "server", device: "eth0", addresses: rips.map((rip) => `${rip}/24`) },
      ],
    ],
    routes: [
      { node: "client", to: "default", via: `${net}.1.1` },
      { node: "server", to: "default", via: `${net}.2.1` },
      { node: "director", to: `${net}.128.0/17`, via: `${net}.1.2` },
    ],
    sysctls: [
      { node: "director", name: "net.ipv4.ip_forward", value: "1" },
      { node: "director", name: "net.ipv4.conf.all.rp_filter", value: "0" },
      { node: "client", name: "net.ipv4.ip_local_port_range", value: "1024 65000" },
      { node: "client", name: "net.ipv4.tcp_tw_reuse", value: "1" },
    ],
  };
  buildNetwork(plan);
  return {
    client: namespaceOf(plan, "client"),
    director: namespaceOf(plan, "director"),
    server: namespaceOf(plan, "server"),
    clientAddress: `${net}.1.2`,
    vip: `${net}.3.1`,
    rips,
    clientInterface: deviceOf(plan, "client", "eth0").index,
    directorMac: deviceOf(plan, "director", "outside").mac,
    serverInterface: "eth0",
    floodSource: `${net}.128.1`,
  };
}

/** The servers of a lab: nginx, iperf3, and a sink that never reads its datagrams. Resolves when they answer. */
export async function startServers(lab: BenchLab): Promise<void> {
  const folder = scratchFolder();
  const configuration = join(folder, "nginx.conf");
  writeFileSync(
    configuration,
    `daemon off; worker_processes 1; pid ${folder}/pid; error_log /dev/null crit;
events { worker_connections 8192; }
http { access_log off; keepalive_requests 1000000; server { listen ${HTTP_PORT} backlog=4096; return 200 "hello\\n"; } }
`,
  );
  serve(lab.server, ["nginx", "-c", configuration]);
  serve(lab.server, ["iperf3", "-s", "-p", String(BULK_PORT)]);
  serve(lab.server, [process.execPath, "-e", SINK]);
  for (let tries = 0; ; tries++) {
    try {
      await run(lab.client, ["curl", "-sf", "-m", "2", `http://${lab.rips[0]}:${HTTP_PORT}/`]);
      return;
    } catch (error) {
      if (tries === 20) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

/** Opens a UDP socket and stops reading it once bound: the kernel drops what does not fit. */
const SINK = `const s = require("node:dgram").createSocket({ type: "udp4", recvBufferSize: 4096 });
s.bind(9000, () => { process.kill(process.pid, "SIGSTOP"); });`;

/** Removes every network of the bench. */
export function removeLabs(): void {
  for (let index = 0; index < 10; index++) removeNetwork(`${PREFIX}${index}`);
}
