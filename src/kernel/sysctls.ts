// SPDX-License-Identifier: MIT OR GPL-2.0-only
/**
 * The sysctls of IPVS (`/proc/sys/net/ipv4/vs/*`): their indexes in `Settings.sysctls`, and which values they take (Linux:
 * Documentation/networking/ipvs-sysctl.rst; recordings: sysctls.json). A value is a word; those that may be negative are
 * stored as two's complement (`| 0` reads them).
 *
 * The constants are for the datapath; all else here is ordinary JavaScript for the administration.
 */
export const SYSCTL_AM_DROPRATE = 0;
export const SYSCTL_AMEMTHRESH = 1;
export const SYSCTL_BACKUP_ONLY = 2;
export const SYSCTL_CACHE_BYPASS = 3;
export const SYSCTL_CONN_LFACTOR = 4;
export const SYSCTL_CONN_MAX = 5;
export const SYSCTL_CONN_REUSE_MODE = 6;
export const SYSCTL_CONNTRACK = 7;
export const SYSCTL_DEBUG_LEVEL = 8;
export const SYSCTL_DROP_ENTRY = 9;
export const SYSCTL_DROP_PACKET = 10;
export const SYSCTL_EST_NICE = 11;
export const SYSCTL_EXPIRE_NODEST_CONN = 12;
export const SYSCTL_EXPIRE_QUIESCENT_TEMPLATE = 13;
export const SYSCTL_IGNORE_TUNNELED = 14;
export const SYSCTL_NAT_ICMP_SEND = 15;
export const SYSCTL_PMTU_DISC = 16;
export const SYSCTL_RUN_ESTIMATION = 17;
export const SYSCTL_SCHEDULE_ICMP = 18;
export const SYSCTL_SECURE_TCP = 19;
export const SYSCTL_SLOPPY_SCTP = 20;
export const SYSCTL_SLOPPY_TCP = 21;
export const SYSCTL_SNAT_REROUTE = 22;
export const SYSCTL_SVC_LFACTOR = 23;
/** Seconds, signed. */
export const SYSCTL_LBLC_EXPIRATION = 24;
export const SYSCTL_LBLCR_EXPIRATION = 25;
/** The threshold; the word behind it is the period. */
export const SYSCTL_SYNC_THRESHOLD = 26;
export const SYSCTL_SYNC_PERIOD = 27;
export const SYSCTL_SYNC_PERSIST_MODE = 28;
export const SYSCTL_SYNC_PORTS = 29;
export const SYSCTL_SYNC_QLEN_MAX = 30;
/** Seconds, signed. */
export const SYSCTL_SYNC_REFRESH_PERIOD = 31;
export const SYSCTL_SYNC_RETRIES = 32;
export const SYSCTL_SYNC_SOCK_SIZE = 33;
export const SYSCTL_SYNC_VERSION = 34;
/** Words of `Settings.sysctls` in use. */
export const SYSCTL_WORDS = 35;

/** What is known of a sysctl. */
export interface Sysctl {
  readonly name: string;
  /** Its first word in `Settings.sysctls`. Without words (`defaults` is empty) it is told, and refuses to be set. */
  readonly index: number;
  /** As one word, or two. */
  readonly defaults: readonly number[];
  readonly minimum: number;
  readonly maximum: number;
  /** Values between minimum and maximum that are taken, where that is not all of them; and how one says so. */
  readonly rule?: { readonly takes: (words: readonly number[]) => boolean; readonly expected: string };
  /** What it does here, in a sentence. */
  readonly meaning: string;
}

const S32_MINIMUM = -0x80000000;
const S32_MAXIMUM = 0x7fffffff;
/** The kernel keeps times in 250ths of a second, in 32 bits. */
const MOST_SECONDS = 8_589_934;

function numeric(
  name: string,
  index: number,
  standard: number,
  meaning: string,
  [minimum, maximum]: readonly [number, number] = [S32_MINIMUM, S32_MAXIMUM],
): Sysctl {
  return { name, index, defaults: [standard], minimum, maximum, meaning };
}

const MODE = [0, 3] as const;
const FACTOR = [-8, 8] as const;
const SECONDS = [-MOST_SECONDS, MOST_SECONDS] as const;
const UNUSED = "Stored only: the tables here have a fixed size";
const SYNC = "For the synchronisation of connections";

/** All of them, sorted by name. */
export const SYSCTLS: readonly Sysctl[] = [
  numeric("am_droprate", SYSCTL_AM_DROPRATE, 10, "drop_packet 3 drops one opening packet in so many"),
  numeric(
    "amemthresh",
    SYSCTL_AMEMTHRESH,
    1024,
    "With fewer free connection slots than this, the automatic defences are on",
  ),
  numeric("backup_only", SYSCTL_BACKUP_ONLY, 0, "Stored only"),
  numeric(
    "cache_bypass",
    SYSCTL_CACHE_BYPASS,
    0,
    "Not 0: without a usable server, packets of a service by mark go where they were sent",
  ),
  numeric("conn_lfactor", SYSCTL_CONN_LFACTOR, -4, UNUSED, FACTOR),
  numeric("conn_max", SYSCTL_CONN_MAX, 0x40000000, UNUSED, [0, 0x40000000]),
  numeric(
    "conn_reuse_mode",
    SYSCTL_CONN_REUSE_MODE,
    1,
    "A client that reuses a port: 0 keeps the server, 1 schedules anew after the end, 2 also in FIN_WAIT under direct routing",
  ),
  numeric(
    "conntrack",
    SYSCTL_CONNTRACK,
    0,
    "Stored only: forwarded packets are never seen by connection tracking",
  ),
  numeric("debug_level", SYSCTL_DEBUG_LEVEL, 0, "Stored only"),
  numeric(
    "drop_entry",
    SYSCTL_DROP_ENTRY,
    0,
    "End half-open connections at random: 0 never, 1 and 2 when slots run out, 3 always",
    MODE,
  ),
  numeric(
    "drop_packet",
    SYSCTL_DROP_PACKET,
    0,
    "Drop some packets that open connections: 0 never, 1 and 2 when slots run out, 3 always",
    MODE,
  ),
  {
    name: "est_cpulist",
    index: SYSCTL_WORDS,
    defaults: [],
    minimum: 0,
    maximum: 0,
    rule: { takes: () => false, expected: "settable: rates are estimated by a BPF timer, wherever it runs" },
    meaning: "Told only: rates are estimated by a BPF timer, wherever it runs",
  },
  numeric("est_nice", SYSCTL_EST_NICE, 0, "Stored only: rates are estimated by a BPF timer", [-20, 19]),
  numeric(
    "expire_nodest_conn",
    SYSCTL_EXPIRE_NODEST_CONN,
    0,
    "A packet for a removed server: 0 drops it, else its connection ends",
  ),
  numeric(
    "expire_quiescent_template",
    SYSCTL_EXPIRE_QUIESCENT_TEMPLATE,
    0,
    "Not 0: persistence ends when its server's weight is 0",
  ),
  numeric("ignore_tunneled", SYSCTL_IGNORE_TUNNELED, 0, "Stored only"),
  numeric(
    "lblc_expiration",
    SYSCTL_LBLC_EXPIRATION,
    86400,
    "lblc forgets a cache after so many seconds",
    SECONDS,
  ),
  numeric(
    "lblcr_expiration",
    SYSCTL_LBLCR_EXPIRATION,
    86400,
    "lblcr forgets a cache after so many seconds",
    SECONDS,
  ),
  numeric(
    "nat_icmp_send",
    SYSCTL_NAT_ICMP_SEND,
    0,
    "Not 0: a server's packet that belongs to no connection is answered with an ICMP error",
  ),
  numeric(
    "pmtu_disc",
    SYSCTL_PMTU_DISC,
    1,
    "Packets too large for a tunnel that may not be fragmented: 0 sends them in fragments, else they are refused",
  ),
  numeric("run_estimation", SYSCTL_RUN_ESTIMATION, 1, "0: rates are not estimated"),
  numeric(
    "schedule_icmp",
    SYSCTL_SCHEDULE_ICMP,
    0,
    "Not 0: ICMP errors are scheduled like what they are about",
  ),
  numeric(
    "secure_tcp",
    SYSCTL_SECURE_TCP,
    0,
    "Stricter TCP states: 0 never, 1 and 2 when slots run out, 3 always",
    MODE,
  ),
  numeric("sloppy_sctp", SYSCTL_SLOPPY_SCTP, 0, "Not 0: any SCTP packet but ABORT opens a connection"),
  numeric("sloppy_tcp", SYSCTL_SLOPPY_TCP, 0, "Not 0: any TCP segment but a reset opens a connection"),
  numeric("snat_reroute", SYSCTL_SNAT_REROUTE, 1, "Replies are always routed as the director's own"),
  numeric("svc_lfactor", SYSCTL_SVC_LFACTOR, -3, UNUSED, FACTOR),
  numeric(
    "sync_persist_mode",
    SYSCTL_SYNC_PERSIST_MODE,
    0,
    `${SYNC}: 1 tells only templates of persistent services`,
  ),
  {
    ...numeric("sync_ports", SYSCTL_SYNC_PORTS, 1, `${SYNC}: how many UDP ports it uses`, [1, S32_MAXIMUM]),
    rule: { takes: ([ports = 0]) => (ports & (ports - 1)) === 0, expected: "a power of two" },
  },
  numeric(
    "sync_qlen_max",
    SYSCTL_SYNC_QLEN_MAX,
    0,
    `${SYNC}: how many messages may wait; 0: one for every 32 pages of memory`,
    [0, 0xffffffff],
  ),
  numeric(
    "sync_refresh_period",
    SYSCTL_SYNC_REFRESH_PERIOD,
    0,
    `${SYNC}: seconds between repetitions`,
    SECONDS,
  ),
  numeric("sync_retries", SYSCTL_SYNC_RETRIES, 0, `${SYNC}: how often a message is repeated`, MODE),
  numeric(
    "sync_sock_size",
    SYSCTL_SYNC_SOCK_SIZE,
    0,
    `${SYNC}: bytes of the socket's buffer; 0: the system's`,
  ),
  {
    name: "sync_threshold",
    index: SYSCTL_SYNC_THRESHOLD,
    defaults: [3, 50],
    minimum: 0,
    maximum: S32_MAXIMUM,
    rule: {
      takes: ([threshold = 0, period = 0]) => period === 0 || threshold < period,
      expected: "two numbers, of which the first is less than the second, or the second is 0",
    },
    meaning: `${SYNC}: a connection is told of at this packet of each period`,
  },
  numeric("sync_version", SYSCTL_SYNC_VERSION, 1, `${SYNC}: its protocol`, [0, 1]),
];

/** The sysctl of a name without prefix, or undefined. */
export function findSysctl(name: string): Sysctl | undefined {
  return SYSCTLS.find((each) => each.name === name);
}

/** `Settings.sysctls` as it begins. */
export function defaultSysctls(): number[] {
  const words = Array.from({ length: SYSCTL_WORDS }, () => 0);
  for (const { index, defaults } of SYSCTLS) {
    for (const [i, value] of defaults.entries()) words[index + i] = value >>> 0;
  }
  return words;
}

/** A number as the kernel reads it: decimal, 0x and hexadecimal, 0 and octal. */
function parseNumber(text: string): number | undefined {
  const [, sign, digits = ""] = /^(-?)([0-9a-fx]+)$/i.exec(text) ?? [];
  const value = /^0x[0-9a-f]+$/i.test(digits)
    ? Number.parseInt(digits, 16)
    : /^0[0-7]+$/.test(digits)
      ? Number.parseInt(digits, 8)
      : /^[0-9]+$/.test(digits)
        ? Number(digits)
        : undefined;
  return sign === "-" && value !== undefined ? -value : value;
}

/**
 * The words that a sysctl has after `text` is written to it, as the kernel takes it: numbers separated by white space, of which
 * there may be too many (they do not count) or too few (the others stay as in `present`). Undefined: refused; `expectedOf` says why.
 */
export function parseSysctl(
  sysctl: Sysctl,
  text: string,
  present: readonly number[],
): readonly number[] | undefined {
  const { defaults, minimum, maximum, rule } = sysctl;
  const words = present.map((word) => (minimum < 0 ? word | 0 : word));
  const parts = text.split(/\s+/).filter((part) => part !== "");
  for (const [i, part] of parts.slice(0, defaults.length).entries()) {
    const value = parseNumber(part);
    if (value === undefined || value < minimum || value > maximum) return undefined;
    words[i] = value;
  }
  if (rule !== undefined && !rule.takes(words)) return undefined;
  return words.map((word) => word >>> 0);
}

/** What would have been right, for messages: "a number from 0 to 3". */
export function expectedOf({ minimum, maximum, rule }: Sysctl): string {
  return rule?.expected ?? `a number from ${minimum} to ${maximum}`;
}

/** Which sysctls have modes: 0 off, 1 and 2 automatic, 3 on. */
const MODES: ReadonlySet<number> = new Set([SYSCTL_DROP_ENTRY, SYSCTL_DROP_PACKET, SYSCTL_SECURE_TCP]);

/**
 * A sysctl's words as one reads them. An automatic defence reads 2 while it is on and 1 while it is off, whichever of both was
 * written; `isOn`: whether slots have run out (`Pressure.defence` has DEFENCE_SHORT).
 */
export function formatSysctl(sysctl: Sysctl, words: readonly number[], isOn: boolean): string {
  if (sysctl.defaults.length === 0) return "automatic";
  const numbers = words.map((word) => (sysctl.minimum < 0 ? word | 0 : word));
  if (MODES.has(sysctl.index) && (numbers[0] === 1 || numbers[0] === 2)) return isOn ? "2" : "1";
  return numbers.join("\t");
}
