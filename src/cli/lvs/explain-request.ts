import type { ExplainRequest } from "../../ipvs/explain/explain.ts";
import { FLAG_NAMES, type FlagName, type ProtocolName, WITH_PORTS } from "../../ipvs/explain/packet.ts";
import { type Endpoint, parseIp, parseMac, parsePort, splitHostPort } from "../../net/index.ts";
import { UsageError } from "./usage-error.ts";
import { readWords, refuseRest } from "./words.ts";

/** A packet that is to be explained. */
export interface ExplainCommand {
  readonly kind: "explain";
  readonly packet: ExplainRequest;
  readonly json: boolean;
}

const OPTIONS = {
  protocol: { spellings: ["--protocol", "-p"], argument: "tcp, udp, sctp, icmp, ah or esp" },
  source: { spellings: ["--src", "-s"], argument: "an address, with a port" },
  destination: { spellings: ["--dst", "-d"], argument: "an address, with a port" },
  interface: { spellings: ["--iface", "-i"], argument: "an interface" },
  mark: { spellings: ["--mark"], argument: "a number" },
  flags: { spellings: ["--flags"], argument: "TCP flags, as SYN,ACK" },
  length: { spellings: ["--length"], argument: "a number of bytes" },
  dontFragment: { spellings: ["--df"], argument: null },
  mac: { spellings: ["--mac"], argument: "an Ethernet address" },
  json: { spellings: ["--json"], argument: null },
} as const;
type OptionName = keyof typeof OPTIONS;

const PROTOCOLS = ["tcp", "udp", "sctp", "icmp", "ah", "esp"] as const;

/** Reads the words behind `lvs explain`. Throws UsageError. */
export function readExplainCommand(words: readonly string[]): ExplainCommand {
  const read = readWords("explain", words, OPTIONS);
  refuseRest("explain", read);
  const value = (name: OptionName): string | undefined => {
    const values = read.options.get(name);
    if (values !== undefined && values.length > 1)
      throw new UsageError(`lvs explain takes ${OPTIONS[name].spellings[0]} once`);
    return values?.[0];
  };
  const needed = (name: "protocol" | "source" | "destination"): string => {
    const found = value(name);
    if (found !== undefined) return found;
    const { spellings, argument } = OPTIONS[name];
    const example = "lvs explain -p tcp --src 198.51.100.7:40000 --dst 192.0.2.1:80";
    throw new UsageError(`lvs explain needs ${spellings[0]} with ${argument}, as in \`${example}\``);
  };
  const said = readProtocol(needed("protocol"));
  const source = readEnd(needed("source"), "--src", said);
  const destination = readEnd(needed("destination"), "--dst", said);
  if (source.address.length !== destination.address.length) {
    throw new UsageError("--src and --dst must both be IPv4 addresses, or both IPv6");
  }
  const protocol = said === "icmp" && source.address.length === 16 ? "icmpv6" : said;
  const flags = value("flags");
  if (flags !== undefined && protocol !== "tcp") {
    throw new UsageError(`--flags are those of TCP, not of ${said}`);
  }
  const mac = value("mac");
  const macBytes = mac === undefined ? null : parseMac(mac);
  if (macBytes === undefined) {
    throw new UsageError(`--mac "${mac}" is no Ethernet address: say 02:00:00:00:00:01`);
  }
  const length = value("length");
  return {
    kind: "explain",
    json: read.options.has("json"),
    packet: {
      protocol,
      source,
      destination,
      flags: flags === undefined ? (protocol === "tcp" ? null : []) : readFlags(flags),
      length: length === undefined ? null : readNumber(length, "--length", 20, 65535),
      dontFragment: read.options.has("dontFragment"),
      interface: value("interface") ?? null,
      mac: macBytes,
      mark: readNumber(value("mark") ?? "0", "--mark", 0, 0xffffffff),
    },
  };
}

function readProtocol(text: string): (typeof PROTOCOLS)[number] {
  const found = PROTOCOLS.find((name) => name === text.toLowerCase());
  if (found !== undefined) return found;
  throw new UsageError(`--protocol "${text}" is none of ${PROTOCOLS.join(", ")}`);
}

/** An end: with a port exactly if the protocol has ports. */
function readEnd(text: string, option: string, protocol: ProtocolName): Endpoint {
  const parts = splitHostPort(text);
  const address = parts === undefined ? undefined : parseIp(parts.host);
  const port = parts?.port === undefined ? undefined : parsePort(parts.port);
  const hasPorts = WITH_PORTS.has(protocol);
  if (address === undefined || (parts?.port !== undefined && port === undefined)) {
    const right = hasPorts ? "192.0.2.1:80 or [2001:db8::1]:80" : "192.0.2.1 or 2001:db8::1";
    throw new UsageError(
      `${option} "${text}" is not an address${hasPorts ? " with a port" : ""}: say ${right}`,
    );
  }
  if (hasPorts && port === undefined) {
    throw new UsageError(
      `${option} "${text}" lacks a port, which ${protocol} has: say 192.0.2.1:80 or [2001:db8::1]:80`,
    );
  }
  if (!hasPorts && port !== undefined) {
    throw new UsageError(`${option} "${text}" has a port, but ${protocol} has none`);
  }
  return { address, port: port ?? 0 };
}

/** "SYN,ACK", "syn", "none". */
function readFlags(text: string): FlagName[] {
  if (text.toLowerCase() === "none") return [];
  return text.split(",").map((word) => {
    const found = FLAG_NAMES.find((name) => name === word.trim().toUpperCase());
    if (found === undefined) {
      throw new UsageError(`--flags "${word}" is none of ${FLAG_NAMES.join(", ")}, or "none" alone`);
    }
    return found;
  });
}

function readNumber(text: string, option: string, least: number, most: number): number {
  const number = Number(text);
  if (/^(0x[0-9a-f]+|[0-9]+)$/i.test(text) && number >= least && number <= most) return number;
  throw new UsageError(`${option} "${text}" is no number from ${least} to ${most}`);
}
