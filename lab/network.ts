import { existsSync, readdirSync, readlinkSync } from "node:fs";
import {
  addAddress,
  addRoute,
  createBridge,
  createNetworkNamespace,
  createVeth,
  currentNetworkNamespace,
  deleteNetworkNamespace,
  getLink,
  inNetworkNamespace,
  type LinkSettings,
  listNetworkNamespaces,
  type NetlinkSocket,
  setLink,
  setNeighbour,
  withRouteSocket,
  writeSysctl,
} from "../src/linux/index.ts";
import { formatMac, ip, mac as macAddress, prefix } from "../src/net/index.ts";

/** One end of a link: a device in a node, with its addresses ("192.0.2.1/24"). */
export interface End {
  readonly node: string;
  readonly device: string;
  readonly addresses?: readonly string[];
  /** Bytes. Default: 1500. Give both ends of a link the same. */
  readonly mtu?: number;
  /** As text; default: the kernel picks one. */
  readonly mac?: string;
}

/** A way to other networks: through a gateway, or straight out of a device. */
export interface PlannedRoute {
  readonly node: string;
  /** A prefix, or "default" (then the gateway's address says of which IP). */
  readonly to: string;
  readonly via?: string;
  readonly device?: string;
}

/** What a lab's network looks like. Names of nodes become namespaces "PREFIX-NODE". */
export interface NetworkPlan {
  readonly prefix: string;
  readonly links: readonly (readonly [End, End])[];
  /** Nodes that are switches: all their devices are ports of one bridge. */
  readonly switches?: readonly string[];
  readonly routes?: readonly PlannedRoute[];
  /** Addresses of nodes' loopback devices, such as a virtual address on a real server. */
  readonly loopback?: readonly { readonly node: string; readonly addresses: readonly string[] }[];
  /** Neighbours that need not be asked for. */
  readonly neighbours?: readonly {
    readonly node: string;
    readonly device: string;
    readonly address: string;
    readonly mac: string;
  }[];
  /** Sysctls by node, names with dots. */
  readonly sysctls?: readonly { readonly node: string; readonly name: string; readonly value: string }[];
}

/** A device of a node, with its addresses, and the port of a switch that it is plugged into, which is named after the node. */
export function plugged(
  into: string,
  node: string,
  addresses: readonly string[],
  device = "eth0",
): readonly [End, End] {
  return [
    { node, device, addresses },
    { node: into, device: node },
  ];
}

/** The namespace of a node. */
export function namespaceOf(plan: NetworkPlan, node: string): string {
  return `${plan.prefix}-${node}`;
}

/** All nodes a plan mentions, in order of appearance. */
export function nodesOf(plan: NetworkPlan): string[] {
  return [...new Set(plan.links.flat().map(({ node }) => node))];
}

/**
 * A prefix of this process's own, so that several runs on one machine do not disturb each other. Removes what runs
 * that were killed have left behind under the same name.
 */
export function ownPrefix(name: string): string {
  if (process.getuid?.() === 0) {
    for (const namespace of listNetworkNamespaces()) {
      const pid = namespace.startsWith(`${name}-`) && /^\d+(?=-)/.exec(namespace.slice(name.length + 1))?.[0];
      if (pid && !existsSync(`/proc/${pid}`)) removeNetwork(`${name}-${pid}`);
    }
  }
  return `${name}-${process.pid}`;
}

/** The namespaces whose names begin with this prefix: of a network that was left up. */
export function nodesLeftUp(prefix: string): string[] {
  return listNetworkNamespaces().filter((name) => name.startsWith(`${prefix}-`));
}

/** The namespaces of all nodes. */
export function namespacesOf(plan: NetworkPlan): string[] {
  return nodesOf(plan).map((node) => namespaceOf(plan, node));
}

/**
 * Makes the namespaces, links, addresses and routes of a plan, in the place of namespaces of the same names. On failure nothing is
 * left.
 */
export function buildNetwork(plan: NetworkPlan): void {
  const present = new Set(listNetworkNamespaces());
  removeNamespaces(namespacesOf(plan).filter((name) => present.has(name)));
  try {
    for (const node of nodesOf(plan)) createNetworkNamespace(namespaceOf(plan, node));
    for (const [one, other] of plan.links) {
      onNode(plan, one.node, (socket) =>
        createVeth(socket, linkOf(one), { ...linkOf(other), namespace: namespaceOf(plan, other.node) }),
      );
    }
    for (const node of nodesOf(plan)) onNode(plan, node, (socket) => setUp(plan, node, socket));
    for (const { node, name, value } of plan.sysctls ?? []) {
      inNetworkNamespace(namespaceOf(plan, node), () => writeSysctl(name, value));
    }
  } catch (error) {
    const made = new Set(listNetworkNamespaces());
    removeNamespaces(namespacesOf(plan).filter((name) => made.has(name)));
    throw error;
  }
}

/** Everything inside one namespace, once its devices are there. */
function setUp(plan: NetworkPlan, node: string, socket: NetlinkSocket): void {
  setLink(socket, "lo", { up: true });
  const bridged = plan.switches?.includes(node) ?? false;
  if (bridged) createBridge(socket, { name: "bridge", up: true });
  for (const { device, addresses } of plan.links.flat().filter((end) => end.node === node)) {
    for (const address of addresses ?? []) addAddress(socket, device, prefix(address));
    setLink(socket, device, { up: true, ...(bridged ? { master: "bridge" } : {}) });
  }
  for (const own of (plan.loopback ?? []).filter((each) => each.node === node)) {
    for (const address of own.addresses) addAddress(socket, "lo", prefix(address));
  }
  for (const { device, address, mac } of (plan.neighbours ?? []).filter((each) => each.node === node)) {
    setNeighbour(socket, device, ip(address), macAddress(mac));
  }
  for (const { to, via, device } of (plan.routes ?? []).filter((route) => route.node === node)) {
    addRoute(socket, {
      ...(via === undefined ? {} : { via: ip(via) }),
      ...(device === undefined ? {} : { link: device }),
      ...(to === "default" ? {} : { to: prefix(to) }),
    });
  }
}

function linkOf({ device, mtu, mac }: End): LinkSettings {
  return {
    name: device,
    ...(mtu === undefined ? {} : { mtu }),
    ...(mac === undefined ? {} : { mac: macAddress(mac) }),
  };
}

function onNode<T>(plan: NetworkPlan, node: string, work: (socket: NetlinkSocket) => T): T {
  return withRouteSocket(work, namespaceOf(plan, node));
}

/** Removes every namespace whose name begins with "PREFIX-", and ends the processes that live in them. */
export function removeNetwork(prefix: string): void {
  removeNamespaces(nodesLeftUp(prefix));
}

/** Removes namespaces, and ends the processes that live in them. */
export function removeNamespaces(names: Iterable<string>): void {
  for (const name of names) {
    endProcesses(name);
    deleteNetworkNamespace(name);
  }
}

/** SIGKILL to every process whose network namespace is this one, unless it is our own: that is no node of a lab. */
function endProcesses(namespace: string): void {
  const { inode } = inNetworkNamespace(namespace, currentNetworkNamespace);
  if (inode === currentNetworkNamespace().inode) return;
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      if (readlinkSync(`/proc/${pid}/ns/net`) === `net:[${inode}]`) process.kill(Number(pid), "SIGKILL");
    } catch {
      // A process that has ended meanwhile, or a kernel thread, which lives in no namespace of ours.
    }
  }
}

/** A device's index and link-layer address. */
export function deviceOf(plan: NetworkPlan, node: string, device: string): { index: number; mac: string } {
  const link = onNode(plan, node, (socket) => getLink(socket, device));
  return { index: link.index, mac: formatMac(link.mac) };
}
