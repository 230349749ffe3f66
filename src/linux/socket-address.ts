import type { Endpoint } from "../net/index.ts";
import { AF } from "./sockets.ts";

/*
 * struct sockaddr_in:   0  family (2)   2  port, network order (2)   4  address (4)   8  zero (8)
 * struct sockaddr_in6:  0  family (2)   2  port, network order (2)   4  flow (4)   8  address (16)   24  scope (4)
 */

/** The sockaddr of an endpoint, for bind and connect. */
export function encodeSocketAddress({ address, port }: Endpoint, scope = 0): Uint8Array {
  const ipv4 = address.length === 4;
  const bytes = new Uint8Array(ipv4 ? 16 : 28);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, ipv4 ? AF.INET : AF.INET6, true);
  view.setUint16(2, port);
  bytes.set(address, ipv4 ? 4 : 8);
  if (!ipv4) view.setUint32(24, scope, true);
  return bytes;
}

/** The endpoint of a sockaddr. Throws RangeError for other families than IPv4 and IPv6. */
export function decodeSocketAddress(bytes: Uint8Array): Endpoint {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const family = view.getUint16(0, true);
  if (family === AF.INET) return { address: bytes.slice(4, 8), port: view.getUint16(2) };
  if (family === AF.INET6) return { address: bytes.slice(8, 24), port: view.getUint16(2) };
  throw new RangeError(`address family ${family} is neither IPv4 nor IPv6`);
}
