import { findSysctl, shownSysctl } from "../../linux/index.ts";
import type { Family } from "../model.ts";
import type { InterfaceStatus } from "./interfaces.ts";

const GLOBAL: Record<Family, string> = { 4: "net.ipv4.ip_forward", 6: "net.ipv6.conf.all.forwarding" };

/**
 * The sysctls of the calling thread's network namespace that keep the kernel from finding ways for packets of that
 * family that come in where the datapath is attached. It asks the interface's own; where all are off, the global one is
 * named, which sets them. Loopback takes no part. Names are as sysctl(8) prints them.
 */
export function forwardingOff(family: Family, interfaces: readonly InterfaceStatus[]): string[] {
  const attached = interfaces.filter((each) => each.attached && each.name !== "lo");
  const off = attached
    .map(({ name }) => `net/ipv${family}/conf/${name}/forwarding`)
    .filter((name) => findSysctl(name) === "0");
  if (off.length === attached.length && findSysctl(GLOBAL[family]) === "0") return [GLOBAL[family]];
  return off.map(shownSysctl);
}
