/** Keys of services and servers as numbers: what tables are searched by. */

import { PROTOCOL_TCP, PROTOCOL_UDP } from "../../kernel/tables.ts";
import type { Protocol, ServiceKey } from "../model.ts";

/** An IPv4 virtual service: address as a number (10.0.0.1 = 0x0a000001), port and protocol in host order. */
export interface ServiceIdentity {
  readonly address: number;
  readonly port: number;
  readonly protocol: number;
}

/** Equal exactly for equal address and port: an exact integer below 2^48. */
export function endpointNumber(address: number, port: number): number {
  return address * 0x10000 + port;
}

/** Equal exactly for equal services: an exact integer below 2^49. */
export function serviceNumber(service: ServiceIdentity): number {
  return endpointNumber(service.address, service.port) * 2 + (service.protocol === PROTOCOL_UDP ? 1 : 0);
}

/** The identity of a TCP or UDP service on an IPv4 address; null for any other key. */
export function serviceIdentity(key: ServiceKey): ServiceIdentity | null {
  if (key.kind !== "address" || key.family !== 4 || key.protocol === "sctp") return null;
  return { address: addressNumber(key.address), port: key.port, protocol: protocolNumber(key.protocol) };
}

export function serviceKeyOf(service: ServiceIdentity): ServiceKey {
  return {
    kind: "address",
    family: 4,
    protocol: service.protocol === PROTOCOL_UDP ? "udp" : "tcp",
    address: addressText(service.address),
    port: service.port,
  };
}

function protocolNumber(protocol: Protocol): number {
  return protocol === "udp" ? PROTOCOL_UDP : PROTOCOL_TCP;
}

/** The number of a dotted quad in canonical text. Throws RangeError for other text. */
export function addressNumber(text: string): number {
  let value = 0;
  let part = -1;
  let parts = 1;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code === 0x2e && part >= 0 && parts < 4) {
      value = value * 256 + part;
      part = -1;
      parts++;
    } else if (code >= 0x30 && code <= 0x39) {
      part = Math.max(part, 0) * 10 + code - 0x30;
      if (part > 255) throw notAnAddress(text);
    } else {
      throw notAnAddress(text);
    }
  }
  if (parts !== 4 || part < 0) throw notAnAddress(text);
  return value * 256 + part;
}

/** The dotted quad of a number. */
export function addressText(address: number): string {
  return `${address >>> 24}.${(address >>> 16) & 255}.${(address >>> 8) & 255}.${address & 255}`;
}

/** Whether an IPv4 address can be a host's, as far as the address itself tells. */
export function isUnicastByItself(address: number): boolean {
  return address !== 0 && address !== 0xffffffff && address >>> 28 !== 0xe;
}

function notAnAddress(text: string): RangeError {
  return new RangeError(`"${text}" is not an IPv4 address`);
}
