import { formatIp, type IpAddress, parseIp } from "./address.ts";

/** An address and a port of TCP, UDP or SCTP. */
export interface Endpoint {
  readonly address: IpAddress;
  readonly port: number;
}

/** A decimal port, 0 to 65535. Returns undefined for anything else; names are looked up elsewhere. */
export function parsePort(text: string): number | undefined {
  if (!/^\d{1,5}$/.test(text)) return undefined;
  const port = Number(text);
  return port <= 65535 ? port : undefined;
}

/** "80" or "80-90", low to high. Returns undefined for anything else. */
export function parsePortRange(text: string): { first: number; last: number } | undefined {
  const [low, high, ...rest] = text.split("-");
  const first = parsePort(low ?? "");
  const last = high === undefined ? first : parsePort(high);
  if (first === undefined || last === undefined || rest.length > 0 || last < first) return undefined;
  return { first, last };
}

/**
 * The host and port of "host:port", "[2001:db8::1]:port", or either without a port. The parts are not looked at
 * further. A bare IPv6 address needs no brackets, since it then has no port. Returns undefined for "[…" without "]".
 */
export function splitHostPort(text: string): { host: string; port: string | undefined } | undefined {
  if (text.startsWith("[")) {
    const match = /^\[([^\]]*)\](?::(.*))?$/.exec(text);
    return match === null ? undefined : { host: match[1]!, port: match[2] };
  }
  const colon = text.indexOf(":");
  if (colon === -1 || text.indexOf(":", colon + 1) !== -1) return { host: text, port: undefined };
  return { host: text.slice(0, colon), port: text.slice(colon + 1) };
}

/** "10.0.0.1:80" or "[2001:db8::1]:80". Returns undefined for anything else. */
export function parseEndpoint(text: string): Endpoint | undefined {
  const parts = splitHostPort(text);
  if (parts?.port === undefined) return undefined;
  const address = parseIp(parts.host);
  const port = parsePort(parts.port);
  const bracketed = text.startsWith("[");
  if (address === undefined || port === undefined || bracketed !== (address.length === 16)) return undefined;
  return { address, port };
}

/** As {@link parseEndpoint}, for text that the program itself wrote. Throws RangeError for anything else. */
export function endpoint(text: string): Endpoint {
  const parsed = parseEndpoint(text);
  if (parsed === undefined) throw new RangeError(`"${text}" is not an address with a port`);
  return parsed;
}

/** "10.0.0.1:80" or "[2001:db8::1]:80". */
export function formatEndpoint(endpoint: Endpoint): string {
  const address = formatIp(endpoint.address);
  return endpoint.address.length === 4 ? `${address}:${endpoint.port}` : `[${address}]:${endpoint.port}`;
}
