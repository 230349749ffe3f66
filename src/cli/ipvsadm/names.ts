import type { Family, Protocol } from "../../ipvs/model.ts";

/**
 * Names of hosts and services, in both directions. What the C library finds out with getaddrinfo, gethostbyaddr,
 * getservbyname and getservbyport; null where it finds nothing.
 */
export interface Names {
  /** The first address of that family a host has, canonical text. */
  hostAddress(name: string, family: Family): string | null;
  /** The official name of the host with that address. */
  hostName(address: string, family: Family): string | null;
  /** The port of a service. */
  servicePort(name: string, protocol: Protocol): number | null;
  /** The official name of the service at a port. */
  serviceName(port: number, protocol: Protocol): string | null;
}

/** Knows no names. */
export const NO_NAMES: Names = {
  hostAddress: () => null,
  hostName: () => null,
  servicePort: () => null,
  serviceName: () => null,
};
