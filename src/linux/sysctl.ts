import { accessSync, constants, readFileSync, writeFileSync } from "node:fs";
import { errnoNumber, hasCode, SystemError } from "./errno.ts";

/**
 * Reads a kernel parameter of the thread's network namespace: "net.ipv4.ip_forward", or with slashes where a part
 * holds a dot: "net/ipv4/conf/eth0.1/forwarding". Throws ENOENT if the kernel does not have it.
 */
export function readSysctl(name: string): string {
  return attempt("read", name, () => readFileSync(sysctlPath(name), "utf8").trimEnd());
}

/** As {@link readSysctl}; undefined if the kernel does not have it. */
export function findSysctl(name: string): string | undefined {
  try {
    return readSysctl(name);
  } catch (error) {
    if (hasCode(error, "ENOENT")) return undefined;
    throw error;
  }
}

/** Sets a kernel parameter of the thread's network namespace: see {@link readSysctl} for names. */
export function writeSysctl(name: string, value: string | number): void {
  attempt("write", name, () => writeFileSync(sysctlPath(name), `${value}\n`, { flag: "r+" }));
}

/** Whether /proc/sys is mounted read-only, as in an unprivileged container: no kernel parameter can be set then. */
export function areSysctlsReadOnly(): boolean {
  try {
    accessSync(sysctlPath("net.ipv4.ip_forward"), constants.W_OK);
    return false;
  } catch (error) {
    return hasCode(error, "EROFS");
  }
}

/** A parameter's name as sysctl(8) prints it: with dots, unless a part of it has one. */
export function shownSysctl(name: string): string {
  return name.includes(".") ? name : name.replaceAll("/", ".");
}

function sysctlPath(name: string): string {
  const path = name.includes("/") ? name : name.replaceAll(".", "/");
  if (path.split("/").includes("..") || path.startsWith("/")) {
    throw new RangeError(`"${name}" is not the name of a kernel parameter`);
  }
  return `/proc/sys/${path}`;
}

function attempt<T>(verb: string, name: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!hasCode(error, "ENOENT", "EACCES", "EPERM", "EINVAL", "EROFS")) throw error;
    const code = (error as { code?: unknown }).code as string;
    const advice = {
      ENOENT: "this kernel does not have this parameter, or its module is not loaded",
      EACCES: "this needs root",
      EPERM: "this needs root",
      EROFS: "/proc/sys is mounted read-only, as in an unprivileged container",
    }[code];
    throw new SystemError(verb, errnoNumber(code), { attempted: `sysctl ${name}`, advice });
  }
}
