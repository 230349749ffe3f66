import { parsePort, parsePrefix, splitHostPort } from "../../net/index.ts";
import type { ConnectionFilter, EndpointPattern, ServicePattern } from "./connection-filter.ts";
import { UsageError } from "./usage-error.ts";
import type { OptionRule, ReadWords } from "./words.ts";

/** The options that choose connections. */
export const FILTER_OPTIONS = {
  protocol: { spellings: ["--protocol", "-p"], argument: "a protocol" },
  client: { spellings: ["--client", "-c"], argument: "an address" },
  vip: { spellings: ["--vip"], argument: "an address" },
  server: { spellings: ["--server", "-r"], argument: "an address" },
  state: { spellings: ["--state", "-s"], argument: "a state" },
  tcp: { spellings: ["--tcp-service", "-t"], argument: "an address" },
  udp: { spellings: ["--udp-service", "-u"], argument: "an address" },
  sctp: { spellings: ["--sctp-service"], argument: "an address" },
  mark: { spellings: ["--mark", "--fwmark-service", "-f"], argument: "a firewall mark" },
  templates: { spellings: ["--templates"], argument: null },
} as const satisfies Record<string, OptionRule>;

/** Protocols by which connections can be chosen: "IP" is that of templates of services by mark. */
const PROTOCOLS: readonly string[] = ["TCP", "UDP", "SCTP", "IP", "AH", "ESP", "ICMP", "ICMPV6"];

/** States by which connections can be chosen. */
export const STATES: readonly string[] = [
  ...["NONE", "ESTABLISHED", "SYN_SENT", "SYN_RECV", "FIN_WAIT", "TIME_WAIT", "CLOSE", "CLOSE_WAIT"],
  ...["LAST_ACK", "LISTEN", "SYNACK", "UDP", "ASSURED"],
  ...["INIT1", "INIT", "C-SENT", "C-REPLIED", "C-WAIT", "COOKIE", "C-ECHOED"],
  ...["S-SENT", "S-RECEIVED", "S-ACK-SENT", "REJECTED", "CLOSED"],
];

/** The filter that options say. Throws UsageError. */
export function readFilter(options: ReadWords<string>["options"]): ConnectionFilter {
  const values = (name: keyof typeof FILTER_OPTIONS): readonly string[] => options.get(name) ?? [];
  const endpoints = (name: keyof typeof FILTER_OPTIONS): EndpointPattern[] =>
    values(name).map((text) => readEndpoint(text, FILTER_OPTIONS[name].spellings[0]));
  const services = (["tcp", "udp", "sctp"] as const).flatMap((protocol) =>
    endpoints(protocol).map((virtual): ServicePattern => ({ kind: "address", protocol, virtual })),
  );
  return {
    protocols: words(values("protocol"), PROTOCOLS, "protocol"),
    states: words(values("state"), STATES, "state"),
    clients: endpoints("client"),
    virtuals: endpoints("vip"),
    servers: endpoints("server"),
    services: [...services, ...values("mark").map(readMark)],
    templates: options.has("templates"),
  };
}

/** Words of a list, separated by commas or said one by one, whatever their case. */
function words(values: readonly string[], known: readonly string[], what: string): string[] {
  return values
    .flatMap((value) => value.split(","))
    .map((value) => {
      const word = value.trim().toUpperCase();
      if (!known.includes(word))
        throw new UsageError(`"${value}" is no ${what}: there are ${known.join(", ")}`);
      return word;
    });
}

/** `ADDRESS`, `ADDRESS/LENGTH`, either with `:PORT` (IPv6 then in brackets), or `:PORT` alone. */
function readEndpoint(text: string, option: string): EndpointPattern {
  const parts = splitHostPort(text);
  const prefix = parts === undefined || parts.host === "" ? null : parsePrefix(parts.host);
  const port = parts?.port === undefined ? null : parsePort(parts.port);
  if (prefix === undefined || port === undefined || (prefix === null && port === null)) {
    throw new UsageError(
      `${option} "${text}" is no address: say 192.0.2.1, 192.0.2.0/24, 192.0.2.1:80, 2001:db8::/32, [2001:db8::1]:80 or :80`,
    );
  }
  return { prefix, port };
}

function readMark(text: string): ServicePattern {
  const mark = Number(text);
  if (!/^(0x[0-9a-f]+|[0-9]+)$/i.test(text) || mark < 1 || mark > 0xffffffff) {
    throw new UsageError(`"${text}" is no firewall mark: it is a number from 1 to 4294967295`);
  }
  return { kind: "mark", mark };
}
