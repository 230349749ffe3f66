import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import {
  createNetworkNamespace,
  currentNetworkNamespace,
  deleteNetworkNamespace,
  inNetworkNamespace,
  listNetworkNamespaces,
} from "../src/linux/index.ts";

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
    for (const node of nodesOf(plan)) {
      createNetworkNamespace(namespaceOf(plan, node));
      ip(plan, node, "link set lo up");
    }
    for (const [a, b] of plan.links) {
      ip(
        plan,
        a.node,
        `link add ${a.device} type veth peer name ${b.device} netns ${namespaceOf(plan, b.node)}`,
      );
    }
    for (const node of plan.switches ?? []) {
      ip(plan, node, "link add bridge type bridge", "link set bridge up");
    }
    for (const end of plan.links.flat()) {
      if (plan.switches?.includes(end.node)) ip(plan, end.node, `link set ${end.device} master bridge`);
      ip(
        plan,
        end.node,
        ...(end.addresses ?? []).map((address) => `address add ${address} dev ${end.device}`),
      );
      ip(plan, end.node, `link set ${end.device} up`);
    }
    for (const { node, to, via } of plan.routes ?? []) ip(plan, node, `route add ${to} via ${via}`);
    for (const { node, name, value } of plan.sysctls ?? []) setSysctl(plan, node, name, value);
  } catch (error) {
    removeNetwork(plan.prefix);
    throw error;
  }
}

/** Removes every namespace whose name begins with "PREFIX-", and ends the processes that live in them. */
export function removeNetwork(prefix: string): void {
  for (const name of listNetworkNamespaces()) {
    if (!name.startsWith(`${prefix}-`)) continue;
    endProcesses(name);
    deleteNetworkNamespace(name);
  }
}

/** SIGKILL to every process whose network namespace is this one. */
function endProcesses(namespace: string): void {
  const { inode } = inNetworkNamespace(namespace, currentNetworkNamespace);
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
  const [entry] = JSON.parse(
    execFileSync("ip", ["-n", namespaceOf(plan, node), "-j", "link", "show", device], { encoding: "utf8" }),
  ) as [{ ifindex: number; address: string }];
  return { index: entry.ifindex, mac: entry.address };
}

function ip(plan: NetworkPlan, node: string, ...commands: readonly string[]): void {
  if (commands.length === 0) return;
  execFileSync("ip", ["-n", namespaceOf(plan, node), "-batch", "-"], { input: `${commands.join("\n")}\n` });
}

function setSysctl(plan: NetworkPlan, node: string, name: string, value: string): void {
  const path = `/proc/sys/${name.replaceAll(".", "/")}`;
  inNetworkNamespace(namespaceOf(plan, node), () => {
    if (readFileSync(path, "utf8").trim() !== value) writeFileSync(path, value);
  });
}
