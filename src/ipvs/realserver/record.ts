/**
 * What `lvs realserver` has done to a host, so that it can be undone: kept in a small file per network namespace, written before
 * anything is changed. Pure; the file is in `record-file.ts`.
 */
import type { RealServerMode, TunnelSettings } from "./model.ts";

/** A virtual address that was started. */
export interface RecordedAddress {
  readonly mode: RealServerMode;
  readonly interfaces: readonly string[] | null;
  readonly tunnel: TunnelSettings;
  /** Whether we put the address on lo, and made the route: else they stay when it is stopped. */
  readonly address: boolean;
  readonly route: boolean;
}

/** A sysctl that we set. */
export interface RecordedSysctl {
  readonly before: string;
  /** What we set it to. If it is something else by now, somebody else has set it, and it is left alone. */
  readonly set: string;
  /** The virtual addresses that rely on it: it is set back with the last of them. */
  readonly users: readonly string[];
}

export interface HostRecord {
  readonly addresses: ReadonlyMap<string, RecordedAddress>;
  /** By name with slashes. */
  readonly sysctls: ReadonlyMap<string, RecordedSysctl>;
}

export const EMPTY_RECORD: HostRecord = { addresses: new Map(), sysctls: new Map() };

/** Whether there is nothing to undo. */
export function isEmpty({ addresses, sysctls }: HostRecord): boolean {
  return addresses.size === 0 && sysctls.size === 0;
}

/** The layout of the text. */
const VERSION = 1;

/** As text, for the boot with that id. */
export function recordText(record: HostRecord, boot: string): string {
  const { addresses, sysctls } = record;
  const value = {
    version: VERSION,
    boot,
    addresses: Object.fromEntries(addresses),
    sysctls: Object.fromEntries(sysctls),
  };
  return `${JSON.stringify(value, null, 1)}\n`;
}

/**
 * The record in a text: empty if it is of another boot, as nothing that was set then is set now. Throws SyntaxError for what
 * is no record.
 */
export function parseRecord(text: string, boot: string): HostRecord {
  const value = JSON.parse(text) as {
    version?: number;
    boot?: string;
    addresses: { [vip: string]: RecordedAddress };
    sysctls: { [name: string]: RecordedSysctl };
  };
  if (value.boot !== boot) return EMPTY_RECORD;
  if (value.version !== VERSION) throw new SyntaxError(`version ${value.version} is not ${VERSION}`);
  return {
    addresses: new Map(Object.entries(value.addresses)),
    sysctls: new Map(Object.entries(value.sysctls)),
  };
}
