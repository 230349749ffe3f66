import { readFileSync } from "node:fs";

/** Bits of capabilities(7) that matter here. */
export const CAPABILITIES = {
  CAP_NET_ADMIN: 12,
  CAP_NET_RAW: 13,
  CAP_SYS_CHROOT: 18,
  CAP_SYS_ADMIN: 21,
  CAP_PERFMON: 38,
  CAP_BPF: 39,
} as const;

/** The name of a capability. */
export type Capability = keyof typeof CAPABILITIES;

/** This process may not do what was asked. */
export class PrivilegeError extends Error {
  override readonly name = "PrivilegeError";
  readonly code = "LVS_NEEDS_PRIVILEGE";
  /** What is missing. */
  readonly missing: readonly Capability[];

  constructor(action: string, missing: readonly Capability[]) {
    super(`${action} needs root; this process lacks ${missing.join(", ")}: run it as root, or with sudo`);
    this.missing = missing;
  }
}

/** Those of `needed` that the calling thread does not have in effect. */
export function missingCapabilities(needed: readonly Capability[]): Capability[] {
  const effective = effectiveCapabilities(readFileSync("/proc/thread-self/status", "utf8"));
  return needed.filter((name) => ((effective >> BigInt(CAPABILITIES[name])) & 1n) === 0n);
}

/** The effective set in the text of /proc/PID/status, as a bit mask. */
export function effectiveCapabilities(status: string): bigint {
  const match = /^CapEff:\s*([0-9a-fA-F]+)$/m.exec(status);
  return match === null ? 0n : BigInt(`0x${match[1]}`);
}

/** Throws {@link PrivilegeError} unless this process may change networking and load programs. */
export function requirePrivilege(
  action: string,
  needed: readonly Capability[] = ["CAP_NET_ADMIN", "CAP_BPF", "CAP_SYS_ADMIN"],
): void {
  const missing = missingCapabilities(needed);
  if (missing.length > 0) throw new PrivilegeError(action, missing);
}
