import type { ClientAddress, SyncRole } from "../../ipvs/model.ts";
import {
  type Protocol,
  SCHEDULER_FLAG_1,
  SCHEDULER_FLAG_2,
  SCHEDULER_FLAG_3,
  type Tunnel,
} from "../../ipvs/model.ts";
import { ipv4ToNumber, parseInetAton, parseIpv4 } from "../../net/index.ts";
import type { Names } from "./names.ts";
import { UsageError } from "./usage-error.ts";

/** Longest timeout and persistence: 31 days, in seconds. */
const MAX_TIMEOUT = 31 * 24 * 60 * 60;
/** Largest UDP payload over IPv4, bytes. */
const MAX_SYNC_MESSAGE = 65535 - 20 - 8;
/** Weights and thresholds are signed 32-bit numbers. */
const MAX_INT = 0x7fffffff;

/**
 * A whole decimal number as strtol reads it: white space and a sign may come first, nothing may follow.
 *
 * @returns the number, or null if it is none or not within the bounds
 */
export function readNumber(text: string, least: number, most: number): number | null {
  if (!/^[ \t\n\v\f\r]*[+-]?[0-9]+$/.test(text)) return null;
  const value = Number(text);
  return value >= least && value <= most ? value + 0 : null;
}

function number(text: string, least: number, most: number, complaint: string): number {
  const value = readNumber(text, least, most);
  if (value === null) throw new UsageError(complaint);
  return value;
}

export function readWeight(text: string): number {
  return number(text, 0, MAX_INT, "illegal weight specified");
}

export function readUpperThreshold(text: string): number {
  return number(text, 0, MAX_INT, "illegal u_threshold specified");
}

export function readLowerThreshold(text: string): number {
  return number(text, 0, MAX_INT, "illegal l_threshold specified");
}

/** Seconds of persistence, at least 1. */
export function readPersistence(text: string): number {
  return number(text, 1, MAX_TIMEOUT, `invalid timeout value \`${text}' specified`);
}

/** Seconds of a connection timeout; 0 keeps what is. */
export function readTimeout(text: string): number {
  return number(text, 0, MAX_TIMEOUT, `invalid timeout value \`${text}' specified`);
}

export function readMark(text: string): number {
  return number(text, 1, 0xffffffff, `invalid fwmark value \`${text}' specified`);
}

export function readSyncId(text: string): number {
  return number(text, 0, 255, "illegal syncid specified");
}

export function readSyncMaxLength(text: string): number {
  return number(text, 1, MAX_SYNC_MESSAGE, "illegal sync-maxlen specified");
}

export function readMulticastPort(text: string): number {
  return number(text, 1, 65535, "illegal mcast-port specified");
}

export function readMulticastTtl(text: string): number {
  return number(text, 1, 255, "illegal mcast-ttl specified");
}

export function readTunnelPort(text: string): number {
  return number(text, 1, 65535, "illegal tunnel port specified");
}

export function readTunnelType(text: string): Tunnel["type"] {
  if (text === "ipip" || text === "gue" || text === "gre") return text;
  throw new UsageError("illegal tunnel type specified");
}

/** The version of the PROXY protocol by which servers get to know the client. */
export function readProxyProtocol(text: string): ClientAddress {
  if (text === "v2") return "proxy-v2";
  if (text === "disable") return "hidden";
  throw new UsageError(`illegal proxy protocol \`${text}' specified: there are v2 and disable`);
}

/** The two daemon commands complain in two spellings. */
export function readSyncRole(text: string, command: "start-daemon" | "stop-daemon"): SyncRole {
  if (text === "master" || text === "backup") return text;
  throw new UsageError(
    command === "start-daemon"
      ? "illegal start-daemon parameter specified"
      : "illegal start_daemon specified",
  );
}

/** The persistence mask of an IPv4 service: an address or, oddly, a host's name. Unsigned 32 bit, host order. */
export function readIpv4Mask(text: string, names: Names): number {
  const literal = parseInetAton(text);
  if (literal !== undefined) return ipv4ToNumber(literal);
  const found = names.hostAddress(text, 4);
  if (found === null) throw new UsageError("illegal virtual server persistent mask specified");
  return ipv4ToNumber(parseIpv4(found)!);
}

/** The persistence mask of an IPv6 service: a prefix length, 1…128; what follows the digits is ignored. */
export function readIpv6Mask(text: string): number {
  const digits = /^[ \t\n\v\f\r]*\+?([0-9]+)/.exec(text)?.[1];
  const length = Number(digits ?? "0");
  if (length < 1 || length > 128) throw new UsageError("illegal ipv6 netmask specified");
  return length;
}

const NUMBERED_FLAGS: ReadonlyMap<string, number> = new Map([
  ["flag-1", SCHEDULER_FLAG_1],
  ["flag-2", SCHEDULER_FLAG_2],
  ["flag-3", SCHEDULER_FLAG_3],
]);

/** Names that some schedulers have for the numbered flags, in the order of the flags. */
const FLAG_NAMES: readonly { scheduler: string; name: string; flag: number }[] = [
  { scheduler: "sh", name: "sh-fallback", flag: SCHEDULER_FLAG_1 },
  { scheduler: "sh", name: "sh-port", flag: SCHEDULER_FLAG_2 },
  { scheduler: "mh", name: "mh-fallback", flag: SCHEDULER_FLAG_1 },
  { scheduler: "mh", name: "mh-port", flag: SCHEDULER_FLAG_2 },
];

/** More characters of scheduler flags than this are not looked at. */
const FLAGS_LENGTH = 127;

/** Scheduler flags, separated by commas: the scheduler's own names or flag-1, flag-2, flag-3. */
export function readSchedulerFlags(text: string, scheduler: string): number {
  const names = text
    .slice(0, FLAGS_LENGTH)
    .split(",")
    .filter((part) => part !== "");
  if (names.length === 0 && text !== "") throw new UsageError(`invalid scheduler flag \`${text}'`);
  let flags = 0;
  for (const name of names) {
    const named = FLAG_NAMES.find((entry) => entry.name === name);
    const flag = NUMBERED_FLAGS.get(name) ?? named?.flag;
    if (flag === undefined) throw new UsageError(`invalid scheduler flag \`${name}'`);
    if (named !== undefined && named.scheduler !== scheduler) {
      throw new UsageError(`incompatible scheduler flag \`${name}'`);
    }
    flags |= flag;
  }
  return flags;
}

/**
 * The flags as printed, separated by commas. A scheduler with names of its own prints those and no other flag.
 */
export function writeSchedulerFlags(flags: number, scheduler: string): string {
  const own = FLAG_NAMES.filter((entry) => entry.scheduler === scheduler);
  const names =
    own.length > 0
      ? own.map(({ name, flag }) => [name, flag] as const)
      : [...NUMBERED_FLAGS].map(([name, flag]) => [name, flag] as const);
  return names
    .filter(([, flag]) => (flags & flag) !== 0)
    .map(([name]) => name)
    .join(",");
}

/** Reads the port behind a colon: a number or the name of a service. */
export function readPort(text: string, protocol: Protocol | null, names: Names): number | null {
  const port = readNumber(text, 0, 65535);
  if (port !== null || protocol === null) return port;
  return names.servicePort(text, protocol);
}
