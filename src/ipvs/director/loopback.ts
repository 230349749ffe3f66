/**
 * What the datapath asks of the loopback interface, set where it is not so and set back afterwards:
 *
 * - `accept_local`: answers to clients on the director itself are put into it, with the virtual address as their source,
 *   which is one of the director's own. Without it the kernel does not take such packets.
 * - `forwarding`: ways to servers under direct routing and through tunnels are looked up as for packets that come from it, so that these
 *   methods do without `ip_forward`, as with IPVS.
 */
import { existsSync, mkdirSync, rmdirSync } from "node:fs";
import { findSysctl, hasCode, writeSysctl } from "../../linux/index.ts";

interface LoopbackSetting {
  readonly sysctl: string;
  /** With this one at 1 the setting is, or should be, 1 whoever we are. */
  readonly global: string;
  /** An empty directory beside the pins: we have set it, and it was 0 before. */
  readonly mark: string;
}

const ACCEPT_LOCAL: LoopbackSetting = {
  sysctl: "net.ipv4.conf.lo.accept_local",
  global: "net.ipv4.conf.all.accept_local",
  mark: "accept-local-0",
};
const FORWARDING: readonly LoopbackSetting[] = [
  { sysctl: "net.ipv4.conf.lo.forwarding", global: "net.ipv4.ip_forward", mark: "forwarding4-0" },
  { sysctl: "net.ipv6.conf.lo.forwarding", global: "net.ipv6.conf.all.forwarding", mark: "forwarding6-0" },
];

/** Whether loopback takes answers from the director's own addresses. */
export function acceptsLocal(): boolean {
  return [ACCEPT_LOCAL.sysctl, ACCEPT_LOCAL.global].some((name) => findSysctl(name) === "1");
}

/** Lets loopback take answers from the director's own addresses. */
export function acceptLocal(directory: string): void {
  if (!acceptsLocal()) change(directory, ACCEPT_LOCAL);
}

export function restoreAcceptLocal(directory: string): void {
  restore(directory, ACCEPT_LOCAL);
}

/** Lets ways be looked up from loopback. */
export function forwardFromLoopback(directory: string): void {
  for (const setting of FORWARDING) if (findSysctl(setting.sysctl) === "0") change(directory, setting);
}

/** Sets back all that was set. */
export function restoreLoopback(directory: string): void {
  for (const setting of [ACCEPT_LOCAL, ...FORWARDING]) restore(directory, setting);
}

/** Where /proc/sys cannot be written, as in some containers, nothing changes. */
function change(directory: string, { sysctl, mark }: LoopbackSetting): void {
  if (!existsSync(`${directory}/${mark}`)) mkdirSync(`${directory}/${mark}`);
  write(sysctl, 1);
}

function restore(directory: string, { sysctl, global, mark }: LoopbackSetting): void {
  if (!existsSync(`${directory}/${mark}`)) return;
  if (findSysctl(global) !== "1") write(sysctl, 0);
  rmdirSync(`${directory}/${mark}`);
}

function write(sysctl: string, value: number): void {
  try {
    writeSysctl(sysctl, value);
  } catch (error) {
    if (!hasCode(error, "EROFS", "EACCES", "EPERM", "ENOENT")) throw error;
  }
}
