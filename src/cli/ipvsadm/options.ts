/**
 * The options of `ipvsadm` as data: their spellings, whether they take an argument, and what each one says.
 * Source: `ipvsadm --help` as recorded; those of FullNAT are as in the ipvsadm of DPVS, but for `-b`, which has another
 * meaning in 1.31.
 */

/** The commands by the names that error messages use. */
export type CommandName =
  | "add-service"
  | "edit-service"
  | "delete-service"
  | "flush"
  | "restore"
  | "save"
  | "add-server"
  | "edit-server"
  | "delete-server"
  | "list"
  | "zero"
  | "set"
  | "start-daemon"
  | "stop-daemon"
  | "add-laddr"
  | "del-laddr"
  | "get-laddr"
  | "help"
  | "version";

/** What an option gives, by the names that error messages use; several spellings may give the same. */
export type OptionName =
  | "numeric"
  | "connection"
  | "service-address"
  | "scheduler"
  | "persistent"
  | "netmask"
  | "real-server"
  | "forwarding-method"
  | "weight"
  | "u-threshold"
  | "l-threshold"
  | "mcast-interface"
  | "timeout"
  | "daemon"
  | "stats"
  | "rate"
  | "thresholds"
  | "persistent-conn"
  | "nosort"
  | "syncid"
  | "exact"
  | "ops"
  | "pe"
  | "sched-flags"
  | "tun-info"
  | "tun-type"
  | "tun-port"
  | "tun-nocsum"
  | "tun-csum"
  | "tun-remcsum"
  | "sync-maxlen"
  | "mcast-group"
  | "mcast-port"
  | "mcast-ttl"
  | "local-address"
  | "toa"
  | "proxy-protocol";

/** One spelling of an option on the command line. */
export interface OptionSpec {
  /** Long spelling without the dashes; null for a spelling that is short only. */
  readonly long: string | null;
  readonly short: string | null;
  /** "optional": an argument follows if the next word does not begin with a dash. */
  readonly argument: "none" | "required" | "optional";
  /** What the spelling stands for; `value` stands in for an argument. */
  readonly means:
    | { readonly kind: "command"; readonly name: CommandName }
    | { readonly kind: "option"; readonly name: OptionName; readonly value?: string }
    /** Said and ignored (`--sort`), or a qualifier of another option (`-6`). */
    | { readonly kind: "sort" | "ipv6" };
}

function command(
  long: string | null,
  short: string | null,
  name: CommandName,
  argument: OptionSpec["argument"] = "none",
): OptionSpec {
  return { long, short, argument, means: { kind: "command", name } };
}

function flag(long: string, short: string | null, name: OptionName, value?: string): OptionSpec {
  return {
    long,
    short,
    argument: "none",
    means: value === undefined ? { kind: "option", name } : { kind: "option", name, value },
  };
}

function withArgument(long: string, short: string | null, name: OptionName, value?: string): OptionSpec {
  return { ...flag(long, short, name, value), argument: "required" };
}

/** Every spelling. */
export const OPTIONS: readonly OptionSpec[] = [
  command("add-service", "A", "add-service"),
  command("edit-service", "E", "edit-service"),
  command("delete-service", "D", "delete-service"),
  command("clear", "C", "flush"),
  command("restore", "R", "restore"),
  command("save", "S", "save"),
  command("add-server", "a", "add-server"),
  command("edit-server", "e", "edit-server"),
  command("delete-server", "d", "delete-server"),
  command("list", "L", "list"),
  command(null, "l", "list"),
  command("zero", "Z", "zero"),
  command("set", null, "set"),
  command("start-daemon", null, "start-daemon", "required"),
  command("stop-daemon", null, "stop-daemon", "required"),
  command("help", "h", "help"),
  command("version", "v", "version"),
  withArgument("tcp-service", "t", "service-address", "tcp"),
  withArgument("udp-service", "u", "service-address", "udp"),
  withArgument("sctp-service", null, "service-address", "sctp"),
  withArgument("fwmark-service", "f", "service-address", "fwmark"),
  { long: "ipv6", short: "6", argument: "none", means: { kind: "ipv6" } },
  withArgument("scheduler", "s", "scheduler"),
  withArgument("pe", null, "pe"),
  {
    long: "persistent",
    short: "p",
    argument: "optional",
    means: { kind: "option", name: "persistent" },
  },
  withArgument("netmask", "M", "netmask"),
  withArgument("real-server", "r", "real-server"),
  flag("gatewaying", "g", "forwarding-method", "route"),
  flag("ipip", "i", "forwarding-method", "tunnel"),
  flag("masquerading", "m", "forwarding-method", "masquerade"),
  withArgument("tun-type", null, "tun-type"),
  withArgument("tun-port", null, "tun-port"),
  flag("tun-nocsum", null, "tun-nocsum"),
  flag("tun-csum", null, "tun-csum"),
  flag("tun-remcsum", null, "tun-remcsum"),
  withArgument("weight", "w", "weight"),
  withArgument("u-threshold", "x", "u-threshold"),
  withArgument("l-threshold", "y", "l-threshold"),
  flag("connection", "c", "connection"),
  flag("timeout", null, "timeout"),
  flag("daemon", null, "daemon"),
  flag("stats", null, "stats"),
  flag("rate", null, "rate"),
  flag("exact", null, "exact"),
  flag("thresholds", null, "thresholds"),
  flag("persistent-conn", null, "persistent-conn"),
  flag("tun-info", null, "tun-info"),
  flag("nosort", null, "nosort"),
  { long: "sort", short: null, argument: "none", means: { kind: "sort" } },
  flag("ops", "o", "ops"),
  flag("numeric", "n", "numeric"),
  withArgument("sched-flags", "b", "sched-flags"),
  withArgument("syncid", null, "syncid"),
  withArgument("sync-maxlen", null, "sync-maxlen"),
  withArgument("mcast-interface", null, "mcast-interface"),
  withArgument("mcast-group", null, "mcast-group"),
  withArgument("mcast-port", null, "mcast-port"),
  withArgument("mcast-ttl", null, "mcast-ttl"),
  command("add-laddr", "P", "add-laddr"),
  command("del-laddr", "Q", "del-laddr"),
  command("get-laddr", "G", "get-laddr"),
  withArgument("local-address", "z", "local-address"),
  withArgument("laddr", null, "local-address"),
  flag("fullnat", null, "forwarding-method", "fullnat"),
  flag("toa", null, "toa"),
  withArgument("proxy-protocol", null, "proxy-protocol"),
];
