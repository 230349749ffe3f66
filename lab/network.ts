import { readdirSync, readlinkSync } from "node:fs";
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
  listNetworkNamespaces,
  type NetlinkSocket,
  setLink,
  withRouteSocket,
  writeSysctl,
} from "../src/linux/index.ts";
import { formatMac, ip, prefix } from "../src/net/index.ts";

/** One end of a link: a device in a node, with its addresses ("192.0.2.1/24"). */
export interface End {
  readonly node: string;
  readonly device: string;
  readonly addresses?: readonly string[];
}

/** What a lab's network looks like. Names of nodes become namespaces "PREFIX-NODE". */
export interface NetworkPlan {
  readonly prefix: string;
  readonly links: readonly (readonly [End, End])[];
  /** Nodes that are switches: all their devices are ports of one bridge. */
  readonly switches?: readonly string[];
  readonly routes?: readonly { readonly node: string; readonly to: string; readonly via: string }[];
  /** Sysctls by node, names with dots. */
  readonly sysctls?: readonly { readonly node: string; readonly name: string; readonly value: string }[];
}

/** The namespace of a node. */
export function namespaceOf(plan: NetworkPlan, node: string): string {
  return `${plan.prefix}-${node}`;
}

/** All nodes a plan mentions, in order of appearance. */
export function nodesOf(plan: NetworkPlan): string[] {
  return [...new Set(plan.links.flat().map(({ node }) => node))];
}

/** Makes the namespaces, links, addresses and routes of a plan. On failure nothing is left. */
export function buildNetwork(plan: NetworkPlan): void {
  removeNetwork(plan.prefix);
  try {
    for (const node of nodesOf(plan)) createNetworkNamespace(namespaceOf(plan, node));
    for (const [one, other] of plan.links) {
      onNode(plan, one.node, (socket) =>
        createVeth(
          socket,
          { name: one.device },
          { name: other.device, namespace: namespaceOf(plan, other.node) },
        ),
      );
    }
    for (const node of nodesOf(plan)) onNode(plan, node, (socket) => setUp(plan, node, socket));
    for (const { node, name, value } of plan.sysctls ?? []) {
      inNetworkNamespace(namespaceOf(plan, node), () => writeSysctl(name, value));
    }
  } catch (error) {
    removeNetwork(plan.prefix);
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
  for (const { to, via } of (plan.routes ?? []).filter((route) => route.node === node)) {
    addRoute(socket, { via: ip(via), ...(to === "default" ? {} : { to: prefix(to) }) });
  }
}

function onNode<T>(plan: NetworkPlan, node: string, work: (socket: NetlinkSocket) => T): T {
  return withRouteSocket(work, namespaceOf(plan, node));
}

/** Removes every namespace whose name begins with "PREFIX-", and ends the processes that live in them. */
export function removeNetwork(prefix: string): void {
  for (const name of listNetworkNamespaces()) {
    if (!name.startsWith(`${prefix}-`)) continue;
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
