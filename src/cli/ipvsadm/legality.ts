import type { CommandName, OptionName } from "./options.ts";
import { UsageError } from "./usage-error.ts";

/**
 * The options in the order in which they are checked; of several faults the first in this order is reported.
 * Source: recordings of each command with each option and of pairs of them.
 */
export const CHECK_ORDER: readonly OptionName[] = [
  "numeric",
  "connection",
  "service-address",
  "scheduler",
  "persistent",
  "netmask",
  "real-server",
  "forwarding-method",
  "weight",
  "u-threshold",
  "l-threshold",
  "mcast-interface",
  "timeout",
  "daemon",
  "stats",
  "rate",
  "thresholds",
  "persistent-conn",
  "nosort",
  "syncid",
  "exact",
  "ops",
  "pe",
  "sched-flags",
  "mcast-group",
  "mcast-port",
  "mcast-ttl",
  "sync-maxlen",
  "tun-info",
  "tun-type",
  "tun-port",
  "tun-nocsum",
  "tun-csum",
  "tun-remcsum",
  "local-address",
  "toa",
  "proxy-protocol",
];

/** What a command (or a tunnel type) does with the options: those not named are illegal. */
export interface Legality {
  readonly required: ReadonlySet<OptionName>;
  readonly allowed: ReadonlySet<OptionName>;
  /** Allowed, but only one of them. */
  readonly exclusive: ReadonlySet<OptionName>;
}

function legality(
  required: readonly OptionName[],
  allowed: readonly OptionName[] = [],
  exclusive: readonly OptionName[] = [],
): Legality {
  return { required: new Set(required), allowed: new Set(allowed), exclusive: new Set(exclusive) };
}

const SERVICE_SETTINGS: readonly OptionName[] = [
  "scheduler",
  "persistent",
  "netmask",
  "ops",
  "pe",
  "sched-flags",
];

/** How servers get to know the client: one way at most. */
const CLIENT_ADDRESS: readonly OptionName[] = ["toa", "proxy-protocol"];

const SERVER_SETTINGS: readonly OptionName[] = [
  "forwarding-method",
  "weight",
  "u-threshold",
  "l-threshold",
  "tun-type",
  "tun-port",
  "tun-nocsum",
  "tun-csum",
  "tun-remcsum",
];

const LIST_SETTINGS: readonly OptionName[] = [
  "numeric",
  "stats",
  "rate",
  "exact",
  "thresholds",
  "persistent-conn",
  "tun-info",
  "nosort",
  // Without effect, but accepted by ipvsadm 1.31.
  "syncid",
];

/** The legality matrix: command by option. `--sort` and `-6` are no part of it. */
export const COMMAND_LEGALITY: Record<Exclude<CommandName, "help" | "version">, Legality> = {
  "add-service": legality(["service-address"], SERVICE_SETTINGS, CLIENT_ADDRESS),
  "edit-service": legality(["service-address"], SERVICE_SETTINGS, CLIENT_ADDRESS),
  "delete-service": legality(["service-address"]),
  flush: legality([]),
  restore: legality([]),
  save: legality([], ["numeric"]),
  "add-server": legality(["service-address", "real-server"], SERVER_SETTINGS),
  "edit-server": legality(["service-address", "real-server"], SERVER_SETTINGS),
  "delete-server": legality(["service-address", "real-server"]),
  list: legality([], LIST_SETTINGS, ["connection", "service-address", "timeout", "daemon"]),
  zero: legality([], ["service-address"]),
  set: legality([]),
  "start-daemon": legality(
    [],
    ["syncid", "sync-maxlen", "mcast-interface", "mcast-group", "mcast-port", "mcast-ttl"],
  ),
  "stop-daemon": legality([], ["syncid"]),
  "add-laddr": legality(["service-address", "local-address"]),
  "del-laddr": legality(["service-address", "local-address"]),
  "get-laddr": legality([], ["service-address", "numeric"]),
};

const TUNNEL_OPTIONS: readonly OptionName[] = [
  "tun-type",
  "tun-port",
  "tun-nocsum",
  "tun-csum",
  "tun-remcsum",
];

/** The options that only make sense with the tunnel method. */
export const TUNNEL_LEGALITY: Record<"ipip" | "gue" | "gre", Legality> = {
  ipip: legality([], ["tun-type"]),
  gue: legality(["tun-port"], ["tun-type"], ["tun-nocsum", "tun-csum", "tun-remcsum"]),
  gre: legality([], ["tun-type"], ["tun-nocsum", "tun-csum"]),
};

/** True if one of the options that describe a tunnel was given. */
export function hasTunnelOption(given: ReadonlySet<OptionName>): boolean {
  return TUNNEL_OPTIONS.some((option) => given.has(option));
}

/** @throws UsageError if the options given do not go with the command */
export function checkCommandOptions(
  command: keyof typeof COMMAND_LEGALITY,
  given: ReadonlySet<OptionName>,
): void {
  check(COMMAND_LEGALITY[command], CHECK_ORDER, given, `'${command}' command`);
}

/** @throws UsageError if the tunnel options given do not go with the tunnel's type */
export function checkTunnelOptions(type: keyof typeof TUNNEL_LEGALITY, given: ReadonlySet<OptionName>): void {
  check(TUNNEL_LEGALITY[type], TUNNEL_OPTIONS, given, `'${type}' tunnel type`);
}

function check(
  rules: Legality,
  order: readonly OptionName[],
  given: ReadonlySet<OptionName>,
  where: string,
): void {
  let exclusive: OptionName | null = null;
  for (const option of order) {
    if (!given.has(option)) {
      if (rules.required.has(option)) {
        throw new UsageError(`You need to supply the '${option}' option for the ${where}`);
      }
    } else if (rules.exclusive.has(option)) {
      if (exclusive !== null) {
        throw new UsageError(
          `The option '${option}' conflicts with the '${exclusive}' option in the ${where}`,
        );
      }
      exclusive = option;
    } else if (!rules.required.has(option) && !rules.allowed.has(option)) {
      throw new UsageError(`Illegal '${option}' option with the ${where}`);
    }
  }
}
