import type { AddressServiceKey, Endpoint, Protocol, ServiceKey } from "../../ipvs/model.ts";
import type { Names } from "./names.ts";

/** Columns of an IPv4 `address:port` in listings of services; longer names are cut. */
export const LISTING_WIDTH = 28;

/** Columns of `address:port` anywhere else, and of `[address]:port` everywhere. */
export const FULL_WIDTH = 59;

/**
 * `address:port`, or `[address]:port` for IPv6, with names if there are any.
 *
 * @param protocol whose service names count; null: ports have no names
 * @param names null: numbers only
 * @param width columns to which an IPv4 address or name and port are cut
 */
export function endpointName(
  endpoint: Endpoint,
  protocol: Protocol | null,
  names: Names | null,
  width: number,
): string {
  const { family, address, port } = endpoint;
  const host = names?.hostName(address, family) ?? address;
  const service =
    (protocol === null || port === 0 ? null : names?.serviceName(port, protocol)) ?? String(port);
  return family === 4 ? `${host}:${service}`.slice(0, width) : `[${host}]:${service}`.slice(0, FULL_WIDTH);
}

/** The virtual address and port of a service. */
export function serviceName(key: AddressServiceKey, names: Names | null, width: number): string {
  return endpointName(key, key.protocol, names, width);
}

/** The address and port of a server; the ports of a fwmark service's servers have no names. */
export function destinationName(
  destination: Endpoint,
  service: ServiceKey,
  names: Names | null,
  width: number,
): string {
  return endpointName(destination, service.kind === "mark" ? null : service.protocol, names, width);
}

/** Marks are printed as signed 32-bit numbers. */
export function signedMark(mark: number): number {
  return mark | 0;
}
