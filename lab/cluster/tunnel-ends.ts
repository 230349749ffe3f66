/** The ends of tunnels on real servers. */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { inNetworkNamespace } from "../../src/linux/index.ts";
import { EACH, serverHost, serverName, wireAddress } from "./plan.ts";

export const GUE_PORT = 6080;

/** Which of a direct server's wire addresses takes which tunnel: GRE with checksums needs a device of its own. */
export const TUNNEL_EXTRA = { ipip: 1, gue: 2, gre: 3, greChecksum: 4 } as const;

/** Commands that make a server take out what comes in a tunnel, whatever its kind and family. */
function kernelCommands(number: number): string[] {
  const local = (family: 4 | 6, extra: number) => wireAddress(family, serverHost("direct", number, extra));
  const gre = (name: string, extra: number, checksum: string) => [
    `ip link add ${name}4 type gre local ${local(4, extra)} ${checksum}`,
    `ip link add ${name}6 type ip6gre local ${local(6, extra)} ${checksum}`,
    `ip link set ${name}4 up`,
    `ip link set ${name}6 up`,
  ];
  const ip6tnl = (name: string, extra: number) => [
    `ip link add ${name} type ip6tnl mode any local ${local(6, extra)} remote ::`,
    `ip link set ${name} up`,
  ];
  return [
    "ip link set tunl0 up",
    "ip link set sit0 up",
    ...ip6tnl("ipip6", TUNNEL_EXTRA.ipip),
    ...ip6tnl("gue6", TUNNEL_EXTRA.gue),
    `ip fou add port ${GUE_PORT} gue`,
    `ip -6 fou add port ${GUE_PORT} gue`,
    ...gre("gre", TUNNEL_EXTRA.gre, ""),
    ...gre("grec", TUNNEL_EXTRA.greChecksum, "csum"),
  ];
}

const MODULES = ["ipip", "sit", "ip6_tunnel", "ip_gre", "ip6_gre", "fou", "fou6"];

/** Whether this kernel has the tunnel devices. */
function hasTunnelDevices(): boolean {
  return spawnSync("modprobe", ["-qa", ...MODULES]).status === 0;
}

/** Makes the kernel's own tunnel ends in a direct server's namespace. */
function makeDevices(namespace: string, number: number): void {
  inNetworkNamespace(namespace, () => {
    for (const command of kernelCommands(number)) {
      const { status, stderr } = spawnSync("sh", ["-c", command], { encoding: "utf8" });
      if (status !== 0) throw new Error(`${command}: ${stderr.trim()}`);
    }
  });
}

const LVS = fileURLToPath(new URL("../../../bin/lvs", import.meta.url));

/** `lvs realserver` for these addresses, which the server has already. */
function runRealServer(namespace: string, action: string, virtual: readonly string[]): void {
  const words = ["realserver", ...action.split(" "), ...virtual.flatMap((vip) => ["--vip", vip])];
  const { status, stderr } = inNetworkNamespace(namespace, () =>
    spawnSync(process.execPath, [LVS, ...words], { encoding: "utf8" }),
  );
  if (status !== 0) throw new Error(`lvs realserver ${action} ended with ${status}: ${stderr}`);
}

/**
 * Makes the direct servers of a cluster take what is for virtual addresses out of tunnels: by the kernel's devices where it has them, else
 * by our own program, as `lvs realserver` attaches it. Gives what takes the latter off again.
 */
export function openTunnelEnds(node: (name: string) => string, virtual: readonly string[]): () => void {
  const namespaces = Array.from({ length: EACH }, (_, i) => node(serverName("direct", i + 1)));
  if (hasTunnelDevices()) {
    for (const [i, namespace] of namespaces.entries()) makeDevices(namespace, i + 1);
    return () => {};
  }
  const start = `start --mode tun --interface eth0 --gue-port ${GUE_PORT}`;
  for (const namespace of namespaces) runRealServer(namespace, start, virtual);
  return () => {
    for (const namespace of namespaces) runRealServer(namespace, "stop", virtual);
  };
}
