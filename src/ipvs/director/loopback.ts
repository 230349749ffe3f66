/**
 * What clients on the director itself take: answers to them are put into the loopback interface, with the virtual address as
 * their source, which is one of the director's own. The kernel takes such packets there only with `accept_local`.
 */
import { existsSync, mkdirSync, rmdirSync } from "node:fs";
import { findSysctl, hasCode, writeSysctl } from "../../linux/index.ts";

const ACCEPT_LOCAL = "net.ipv4.conf.lo.accept_local";
/** An empty directory beside the pins: we have set it, and it was 0 before. */
const MARK = "accept-local-0";

/** Whether loopback takes answers from the director's own addresses. */
export function acceptsLocal(): boolean {
  return findSysctl(ACCEPT_LOCAL) === "1" || findSysctl("net.ipv4.conf.all.accept_local") === "1";
}

/** Lets it take them, if this process may: where /proc/sys is read-only, as in some containers, nothing changes. */
export function acceptLocal(directory: string): void {
  if (acceptsLocal()) return;
  try {
    const mark = `${directory}/${MARK}`;
    if (!existsSync(mark)) mkdirSync(mark);
    writeSysctl(ACCEPT_LOCAL, 1);
  } catch (error) {
    if (!hasCode(error, "EROFS", "EACCES", "EPERM", "ENOENT")) throw error;
  }
}

/** Sets it back, if it was us who set it. */
export function restoreAcceptLocal(directory: string): void {
  const mark = `${directory}/${MARK}`;
  if (!existsSync(mark)) return;
  try {
    writeSysctl(ACCEPT_LOCAL, 0);
  } catch (error) {
    if (!hasCode(error, "EROFS", "EACCES", "EPERM", "ENOENT")) throw error;
  }
  rmdirSync(mark);
}
