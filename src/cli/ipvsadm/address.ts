import type { Family, Protocol } from "../../ipvs/model.ts";
import { formatIpv4, formatIpv6, parseInetAton, parseIpv4, parseIpv6 } from "../../net/index.ts";
import type { Names } from "./names.ts";
import { readPort } from "./values.ts";

/** An address with or without a port, as said on the command line. */
export interface GivenAddress {
  readonly family: Family;
  /** Canonical text. */
  readonly address: string;
  /** null if none was said. */
  readonly port: number | null;
}

/**
 * Reads `host[:port]`, `[IPv6]:port` or a bare IPv6 address.
 *
 * Hosts are dotted quads with the liberties of inet_aton or names of hosts with an IPv4 address. Three oddities are
 * ipvsadm's: a bare number is no address, brackets must be followed by a colon, and what is in brackets but is not
 * IPv6 is read as if they were not there, with what follows them ignored.
 *
 * @param protocol whose names of services count; null if the protocol is not known (yet)
 * @returns null if it cannot be read
 */
export function readAddress(text: string, protocol: Protocol | null, names: Names): GivenAddress | null {
  if (text === "" || /^[0-9]+$/.test(text)) return null;
  let host = text;
  let behindBracket: string | null = null;
  if (text.startsWith("[")) {
    const bracket = text.indexOf("]");
    if (bracket < 0 || text[bracket + 1] !== ":") return null;
    host = text.slice(1, bracket);
    behindBracket = text.slice(bracket + 2);
  }
  const colon = host.lastIndexOf(":");
  if (colon !== host.indexOf(":")) {
    const ipv6 = parseIpv6(host);
    if (ipv6 !== undefined) return withPort(6, formatIpv6(ipv6), behindBracket, protocol, names);
  }
  const address = readIpv4Host(colon < 0 ? host : host.slice(0, colon), names);
  if (address === null) return null;
  return withPort(4, address, colon < 0 ? null : host.slice(colon + 1), protocol, names);
}

function readIpv4Host(host: string, names: Names): string | null {
  if (parseIpv4(host) !== undefined) return host;
  const literal = parseInetAton(host);
  return literal === undefined ? names.hostAddress(host, 4) : formatIpv4(literal);
}

function withPort(
  family: Family,
  address: string,
  portText: string | null,
  protocol: Protocol | null,
  names: Names,
): GivenAddress | null {
  if (portText === null) return { family, address, port: null };
  const port = readPort(portText, protocol, names);
  return port === null ? null : { family, address, port };
}
