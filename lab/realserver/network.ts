/**
 * A client, a director and two real servers, which nothing but `lvs realserver` sets up. The addresses of direct routing are a
 * tutorial's; `wire` is for tunnels alone, and the servers check where packets come from (rp_filter).
 *
 *     client ──── lan ──── director, server1, server2        192.168.0.0/24, fd00:a::/64
 *                 wire ─── director, server1, server2        10.0.0.0/24, fd00:b::/64
 */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { inNetworkNamespace } from "../../src/linux/index.ts";
import { type End, type NetworkPlan, namespaceOf } from "../network.ts";

export type Family = 4 | 6;
export const FAMILIES: readonly Family[] = [4, 6];
export const SERVERS = ["server1", "server2"] as const;

/** Virtual addresses: for direct routing, for tunnels, and for GUE by a port of its own. */
export const VIP = {
  dr: { 4: "192.168.0.38", 6: "fd00:a::38" },
  tun: { 4: "192.168.0.39", 6: "fd00:a::39" },
  port: { 4: "192.168.0.40", 6: "fd00:a::40" },
} as const;
export const OTHER_GUE_PORT = 5555;

const HOST = { client: 1, director: 8, server1: 18, server2: 28 } as const;
type Node = keyof typeof HOST;

export const lan = (family: Family, node: Node): string =>
  family === 4 ? `192.168.0.${HOST[node]}` : `fd00:a::${HOST[node]}`;
export const wire = (family: Family, node: Node): string =>
  family === 4 ? `10.0.0.${HOST[node]}` : `fd00:b::${HOST[node]}`;

export function realServerPlan(prefix: string): NetworkPlan {
  const end = (node: Node, device: string, address: (family: Family, node: Node) => string): End => ({
    ...{ node, device, addresses: [`${address(4, node)}/24`, `${address(6, node)}/64`] },
  });
  const onLan = (node: Node): readonly [End, End] => [end(node, "eth0", lan), { node: "lan", device: node }];
  const onWire = (node: Node): readonly [End, End] => [
    end(node, "eth1", wire),
    { node: "wire", device: node },
  ];
  return {
    prefix,
    switches: ["lan", "wire"],
    links: [
      ...(["client", "director", ...SERVERS] as const).map(onLan),
      ...(["director", ...SERVERS] as const).map(onWire),
    ],
    sysctls: SERVERS.map((node) => ({ node, name: "net.ipv4.conf.all.rp_filter", value: "1" })),
  };
}

const program = (name: string) => fileURLToPath(new URL(`../../../bin/${name}`, import.meta.url));

export interface Answer {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program of the package in a node. */
export function runAt(
  plan: NetworkPlan,
  node: string,
  name: "lvs" | "ipvsadm",
  line: string,
  input = "",
): Answer {
  return commandAt(plan, node, [process.execPath, program(name), ...line.split(" ")], input);
}

/** Runs any command in a node. */
export function commandAt(
  plan: NetworkPlan,
  node: string,
  [command, ...words]: readonly [string, ...string[]],
  input = "",
): Answer {
  const { status, stdout, stderr } = inNetworkNamespace(namespaceOf(plan, node), () =>
    spawnSync(command, words, { encoding: "utf8", input, timeout: 240_000 }),
  );
  return { status, stdout, stderr };
}

/** A way to the servers: what ipvsadm is told, at a port of its own. */
export interface Way {
  readonly name: string;
  readonly port: number;
  readonly virtual: string;
  readonly method: string;
  readonly server: (node: Node) => string;
}

const TUNNELS: readonly (readonly [keyof typeof VIP, string])[] = [
  ["tun", ""],
  ["tun", "--tun-type gue --tun-port 6080"],
  ["tun", "--tun-type gue --tun-port 6080 --tun-csum"],
  ["tun", "--tun-type gue --tun-port 6080 --tun-remcsum"],
  ["tun", "--tun-type gre"],
  ["tun", "--tun-type gre --tun-csum"],
  ["port", `--tun-type gue --tun-port ${OTHER_GUE_PORT}`],
];

export const WAYS: readonly Way[] = FAMILIES.flatMap((family): Omit<Way, "port">[] => [
  {
    name: `dr, IPv${family}`,
    virtual: VIP.dr[family],
    method: "-g",
    server: (node) => lan(family, node),
  },
  ...TUNNELS.flatMap(([vip, options]) =>
    FAMILIES.map((outer) => ({
      name: `tun ${options || "ipip"}, IPv${family} in IPv${outer}`,
      virtual: VIP[vip][family],
      method: `-i ${options}`.trim(),
      server: (node: Node) => wire(outer, node),
    })),
  ),
]).map((way, index) => ({ ...way, port: 8000 + index }));

const at = (address: string, port: number) => `${address.includes(":") ? `[${address}]` : address}:${port}`;

export const urlOf = ({ virtual, port }: Way): string => `http://${at(virtual, port)}/`;

/** What `ipvsadm --restore` is told at the director. */
export function rules(): string {
  const lines = WAYS.flatMap(({ virtual, port, method, server }) => [
    `-A -t ${at(virtual, port)} -s rr`,
    ...SERVERS.map((node) => `-a -t ${at(virtual, port)} -r ${at(server(node), port)} ${method}`),
  ]);
  return `${lines.join("\n")}\n`;
}
