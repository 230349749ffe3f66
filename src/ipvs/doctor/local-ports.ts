/** Ports that the kernel gives to its own sockets: Documentation/networking/ip-sysctl, ip_local_port_range. */
import { findSysctl } from "../../linux/index.ts";
import type { PortRange } from "./facts.ts";

/** Of both families. Null: it is not known. */
export function readLocalPorts(): PortRange | null {
  return parseLocalPorts(findSysctl("net.ipv4.ip_local_port_range") ?? "");
}

/** "32768\t60999" */
export function parseLocalPorts(text: string): PortRange | null {
  const [, first, last] = /^(\d+)\s+(\d+)$/.exec(text.trim()) ?? [];
  return first === undefined ? null : { first: Number(first), last: Number(last) };
}
