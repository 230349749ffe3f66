import type { Family } from "../../model.ts";

/**
 * Names of hosts, networks, services and protocols, in both directions. Null, or none, where there is nothing of that name.
 * What the C library finds out with getaddrinfo, gethostbyaddr, getnetbyname, getservbyname, getprotobyname and their like.
 */
export interface RuleNames {
  /** All addresses of a host, bytes in network order. */
  hostAddresses(name: string, family: Family): readonly Uint8Array[];
  hostName(address: Uint8Array): string | null;
  /** The IPv4 network of that name; 4 bytes. */
  networkAddress(name: string): Uint8Array | null;
  /** `protocol` null: of any protocol. */
  servicePort(name: string, protocol: string | null): number | null;
  serviceName(port: number, protocol: string | null): string | null;
  protocolNumber(name: string): number | null;
  protocolName(number: number): string | null;
}

/** Knows no names beyond those that are built in. */
export const NO_RULE_NAMES: RuleNames = {
  hostAddresses: () => [],
  hostName: () => null,
  networkAddress: () => null,
  servicePort: () => null,
  serviceName: () => null,
  protocolNumber: () => null,
  protocolName: () => null,
};
