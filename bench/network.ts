import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { buildNetwork, deviceOf, type NetworkPlan, namespaceOf, removeNetwork } from "../lab/network.ts";
import { run, serve } from "./child.ts";
import { at, type BenchLab, BULK_PORT, HTTP_PORT, SINK_PORT, type Topology } from "./lab.ts";
import { scratchFolder } from "./scratch.ts";

/** What the namespaces of the bench begin with. */
export const PREFIX = "lvsbench";
const SERVERS = 5;
const LOCALS = 16;
const MOST_LABS = 40;

/** Room for a tunnel's headers between director and server, where replies are direct. */
const TUNNEL_MTU = 1600;

/** Networks of a lab, by number. */
const OUTSIDE = 1;
const INSIDE = 2;
const VIRTUAL = 3;
const BACK = 4;

/** The addresses of lab number `index`: 10.(100+index).NETWORK.HOST, fd00:(100+index):NETWORK::HOST. */
function addresses(index: number, family: 4 | 6) {
  const of = (network: number, host: number) =>
    family === 4 ? `10.${100 + index}.${network}.${host}` : `fd00:${100 + index}:${network}::${host}`;
  return {
    of,
    on: (network: number, host: number) => `${of(network, host)}/${family === 4 ? 24 : 64}`,
    only: (network: number, host: number) => `${of(network, host)}/${family === 4 ? 32 : 128}`,
    /** Where floods come from, and its first address. */
    flood: family === 4 ? `10.${100 + index}.128.0/17` : `fd00:${100 + index}:8000::/64`,
    floodSource: family === 4 ? `10.${100 + index}.128.1` : `fd00:${100 + index}:8000::1`,
  };
}

const ROUTED: Topology = { family: 4, replies: "routed" };

/** Builds the network of contender number `index` (0…). */
export function buildLab(index: number, topology: Topology = ROUTED): BenchLab {
  const { family, replies } = topology;
  const { of, on, only, flood, floodSource } = addresses(index, family);
  const isDirect = replies === "direct";
  const rips = Array.from({ length: SERVERS }, (_, i) => of(INSIDE, 10 + i));
  const locals = Array.from({ length: LOCALS }, (_, i) => of(INSIDE, 50 + i));
  const length = family === 4 ? 24 : 64;
  const mtu = isDirect ? TUNNEL_MTU : 1500;
  const plan: NetworkPlan = {
    prefix: `${PREFIX}${index}`,
    links: [
      [
        { node: "client", device: "eth0", addresses: [on(OUTSIDE, 2)] },
        { node: "director", device: "outside", addresses: [on(OUTSIDE, 1), only(VIRTUAL, 1)] },
      ],
      [
        {
          node: "director",
          device: "inside",
          addresses: [on(INSIDE, 1), ...locals.map((each) => `${each}/${length}`)],
          mtu,
        },
        { node: "server", device: "eth0", addresses: rips.map((rip) => `${rip}/${length}`), mtu },
      ],
      ...(isDirect
        ? ([
            [
              { node: "client", device: "eth1", addresses: [on(BACK, 2)] },
              { node: "server", device: "eth1", addresses: [on(BACK, 1)] },
            ],
          ] as const)
        : []),
    ],
    routes: [
      { node: "client", to: "default", via: of(OUTSIDE, 1) },
      { node: "server", to: "default", via: isDirect ? of(BACK, 2) : of(INSIDE, 1) },
      { node: "director", to: flood, via: of(OUTSIDE, 2) },
    ],
    loopback: isDirect ? [{ node: "server", addresses: [only(VIRTUAL, 1)] }] : [],
    sysctls: [
      { node: "director", name: "net.ipv4.ip_forward", value: "1" },
      { node: "director", name: "net.ipv6.conf.all.forwarding", value: "1" },
      { node: "director", name: "net.ipv4.conf.all.rp_filter", value: "0" },
      { node: "client", name: "net.ipv4.ip_local_port_range", value: "1024 65000" },
      { node: "client", name: "net.ipv4.tcp_tw_reuse", value: "1" },
      ...(isDirect ? directSysctls() : []),
    ],
  };
  buildNetwork(plan);
  return {
    ...topology,
    client: namespaceOf(plan, "client"),
    director: namespaceOf(plan, "director"),
    server: namespaceOf(plan, "server"),
    vip: of(VIRTUAL, 1),
    rips,
    locals,
    clientInterface: deviceOf(plan, "client", "eth0").index,
    directorMac: deviceOf(plan, "director", "outside").mac,
    serverInterface: "eth0",
    floodSource,
  };
}

/** Packets may come by another way than answers go; nobody but the director says that it has the virtual address. */
function directSysctls(): { node: string; name: string; value: string }[] {
  return [
    ...["client", "server"].flatMap((node) =>
      ["all", "eth0", "eth1"].map((device) => ({
        node,
        name: `net.ipv4.conf.${device}.rp_filter`,
        value: "0",
      })),
    ),
    { node: "server", name: "net.ipv4.conf.all.arp_ignore", value: "1" },
    { node: "server", name: "net.ipv4.conf.all.arp_announce", value: "2" },
  ];
}

/** The servers of a lab: nginx, iperf3, and a sink that never reads its datagrams. Resolves when they answer. */
export async function startServers(lab: BenchLab): Promise<void> {
  const folder = scratchFolder();
  const configuration = join(folder, "nginx.conf");
  const listen = [HTTP_PORT, `[::]:${HTTP_PORT}`].map((each) => `listen ${each} backlog=4096;`).join(" ");
  writeFileSync(
    configuration,
    `daemon off; worker_processes 1; pid ${folder}/pid; error_log /dev/null crit;
events { worker_connections 8192; }
http { access_log off; keepalive_requests 1000000; server { ${listen} return 200 "hello\\n"; } }
`,
  );
  serve(lab.server, ["nginx", "-c", configuration]);
  serve(lab.server, ["iperf3", "-s", "-p", String(BULK_PORT), "--logfile", "/dev/null"]);
  serve(lab.server, [process.execPath, "-e", sink(lab.family)]);
  await untilAnswering(lab, lab.rips[0]!);
}

/** Resolves when the HTTP server answers under that address. Throws CommandFailed after two seconds of trying. */
export async function untilAnswering(lab: BenchLab, address: string): Promise<void> {
  for (let tries = 0; ; tries++) {
    try {
      await run(lab.client, ["curl", "-gsf", "-m", "2", `http://${at(address, HTTP_PORT)}/`]);
      return;
    } catch (error) {
      if (tries === 20) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

/** Opens a UDP socket and stops reading it once bound: the kernel drops what does not fit. */
const sink = (family: 4 | 6) =>
  `const s = require("node:dgram").createSocket({ type: "udp${family}", recvBufferSize: 4096 });
s.bind(${SINK_PORT}, () => { process.kill(process.pid, "SIGSTOP"); });`;

/** Removes every network of the bench. */
export function removeLabs(): void {
  for (let index = 0; index < MOST_LABS; index++) removeNetwork(`${PREFIX}${index}`);
}
