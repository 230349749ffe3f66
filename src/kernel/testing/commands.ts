/**
 * The commands of recordings, carried out on a test director's configuration: as much of ipvsadm's language as they
 * use. The real one is in `src/cli`.
 */
import {
  FORWARD_MASQ,
  FORWARD_ROUTE,
  FORWARD_TUNNEL,
  POOL_FLAG_1,
  POOL_FLAG_2,
  POOL_ONE_PACKET,
  POOL_SIP,
  TUNNEL_CHECKSUM,
  TUNNEL_GRE,
  TUNNEL_GUE,
  TUNNEL_IPIP,
  TUNNEL_NO_CHECKSUM,
  TUNNEL_REMOTE_CHECKSUM,
} from "../tables.ts";
import type { Configuration } from "./configure.ts";
import {
  type EndpointText,
  type ServerSettings,
  type ServiceProtocol,
  splitEndpoint,
} from "./service-settings.ts";

const DEFAULT_PERSISTENCE = 360;

const FLAGS: Readonly<Record<string, number>> = {
  "sh-fallback": POOL_FLAG_1,
  "mh-fallback": POOL_FLAG_1,
  "flag-1": POOL_FLAG_1,
  "sh-port": POOL_FLAG_2,
  "mh-port": POOL_FLAG_2,
  "flag-2": POOL_FLAG_2,
};
const TUNNELS: Readonly<Record<string, number>> = { ipip: TUNNEL_IPIP, gue: TUNNEL_GUE, gre: TUNNEL_GRE };

class Arguments {
  readonly #argv: readonly string[];

  constructor(argv: readonly string[]) {
    this.#argv = argv;
  }

  has(...names: string[]): boolean {
    return names.some((name) => this.#argv.includes(name));
  }

  /** The value behind an option; undefined without the option, or if it has none. */
  value(...names: string[]): string | undefined {
    const at = this.#argv.findIndex((each) => names.includes(each));
    const next = at < 0 ? undefined : this.#argv[at + 1];
    return next?.startsWith("-") === true ? undefined : next;
  }
}

/** Which service a command is about. */
export function serviceOf(argv: readonly string[]): { protocol: ServiceProtocol; endpoint: EndpointText } {
  const args = new Arguments(argv);
  const named = [
    ["tcp", args.value("-t")],
    ["udp", args.value("-u")],
    ["sctp", args.value("--sctp-service")],
    [args.has("-6") ? "mark6" : "mark", args.value("-f")],
  ] as const;
  for (const [protocol, endpoint] of named) if (endpoint !== undefined) return { protocol, endpoint };
  throw new Error(`no service in ${argv.join(" ")}`);
}

function serverSettings(
  args: Arguments,
  sources: Readonly<Record<4 | 6, string>>,
  host: string,
): ServerSettings {
  const method = args.has("-m") ? FORWARD_MASQ : args.has("-i") ? FORWARD_TUNNEL : FORWARD_ROUTE;
  return {
    weight: Number(args.value("-w") ?? 1),
    upper: Number(args.value("-x") ?? 0),
    lower: Number(args.value("-y") ?? 0),
    method,
    tunnelType: TUNNELS[args.value("--tun-type") ?? "ipip"]!,
    tunnelPort: Number(args.value("--tun-port") ?? 0),
    tunnelChecksum: args.has("--tun-csum")
      ? TUNNEL_CHECKSUM
      : args.has("--tun-remcsum")
        ? TUNNEL_REMOTE_CHECKSUM
        : TUNNEL_NO_CHECKSUM,
    source: sources[host.includes(":") ? 6 : 4],
  };
}

/** The director's own addresses on the servers' side (recordings: packets, "topology"). */
const SOURCES = { 4: "10.0.0.254", 6: "2001:db8:a::fe" } as const;

/** What commands are carried out on. */
export type Commanded = Pick<
  Configuration,
  | "setTcpFinUdp"
  | "setSysctl"
  | "addService"
  | "editService"
  | "deleteService"
  | "addServer"
  | "editServer"
  | "deleteServer"
  | "serversOf"
>;

/** Carries out one command. Returns the slot of the server that it adds, else 0. */
export function runCommand(configuration: Commanded, argv: readonly string[]): number {
  const args = new Arguments(argv);
  const command = argv[1]!;
  if (argv[0] === "sysctl") {
    const [name = "", value] = args.value("-w")!.split("=");
    configuration.setSysctl(name.replace("net.ipv4.vs.", ""), Number(value));
    return 0;
  }
  if (command === "--set") {
    configuration.setTcpFinUdp(Number(argv[2]), Number(argv[3]), Number(argv[4]));
    return 0;
  }
  const { protocol, endpoint } = serviceOf(argv);
  if (command === "-A" || command === "-E") {
    const names = (args.value("-b") ?? "").split(",");
    const flags = names.reduce(
      (bits, name) => bits | (FLAGS[name] ?? 0),
      (args.has("-o") ? POOL_ONE_PACKET : 0) | (args.value("--pe") === "sip" ? POOL_SIP : 0),
    );
    const mask = args.value("-M");
    const settings = {
      flags,
      ...(args.has("-p") ? { persistence: Number(args.value("-p") ?? DEFAULT_PERSISTENCE) } : {}),
      ...(mask === undefined ? {} : { mask }),
    };
    const scheduler = args.value("-s") ?? "wlc";
    if (command === "-A") configuration.addService(protocol, endpoint, scheduler, settings);
    else configuration.editService(protocol, endpoint, scheduler, settings);
    return 0;
  }
  if (command === "-D") {
    configuration.deleteService(protocol, endpoint);
    return 0;
  }
  const real = args.value("-r") ?? "";
  const { host, port } = splitEndpoint(real);
  const isMark = protocol === "mark" || protocol === "mark6";
  const servicePort = isMark ? 0 : splitEndpoint(endpoint).port;
  const server = `${host.includes(":") ? `[${host}]` : host}:${args.has("-m") && port !== 0 ? port : servicePort || port}`;
  const settings = serverSettings(args, SOURCES, host);
  if (command === "-a") return configuration.addServer(protocol, endpoint, server, settings);
  if (command === "-e") configuration.editServer(protocol, endpoint, server, settings);
  else if (command === "-d")
    configuration.deleteServer(
      protocol,
      endpoint,
      knownServer(configuration, protocol, endpoint, server, host),
    );
  else throw new Error(`unexpected command ${argv.join(" ")}`);
  return 0;
}

/** A deletion may leave out what a server was added with. */
function knownServer(
  configuration: Commanded,
  protocol: ServiceProtocol,
  endpoint: EndpointText,
  server: EndpointText,
  host: string,
): EndpointText {
  const known = [...configuration.serversOf(protocol, endpoint).keys()];
  return (
    known.find((each) => each === server) ?? known.find((each) => splitEndpoint(each).host === host) ?? server
  );
}
