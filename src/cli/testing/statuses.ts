import {
  type ConnectionEntry,
  type Destination,
  type DestinationStatus,
  type Endpoint,
  NO_RATES,
  NO_STATISTICS,
  type ServiceKey,
  type ServiceStatus,
  type VirtualService,
} from "../../ipvs/model.ts";

/** A TCP or UDP service over IPv4, from `tcp/192.0.2.1:80`. */
export function keyOf(text: string): ServiceKey {
  const [protocol, address, port] = text.split(/[/:]/);
  return {
    kind: "address",
    family: 4,
    protocol: protocol as "tcp" | "udp",
    address: address!,
    port: Number(port),
  };
}

/** A plain round-robin service with changes. */
export function serviceOf(key: ServiceKey, changes: Partial<VirtualService> = {}): VirtualService {
  return {
    key,
    scheduler: "rr",
    schedulerFlags: 0,
    persistence: null,
    engine: null,
    onePacket: false,
    clientAddress: "hidden",
    ...changes,
  };
}

/** A masqueraded server with changes, from `10.0.0.1:80`. */
export function serverOf(text: string, changes: Partial<Destination> = {}): Destination {
  const [address, port] = text.split(":");
  return {
    family: 4,
    address: address!,
    port: Number(port),
    method: "masquerade",
    tunnel: null,
    weight: 1,
    upperThreshold: 0,
    lowerThreshold: 0,
    ...changes,
  };
}

/** A service at which nothing is going on, with changes. */
export function serviceStatus(
  service: VirtualService,
  destinations: readonly DestinationStatus[] = [],
  changes: Partial<ServiceStatus> = {},
): ServiceStatus {
  const idle = { localAddresses: [], statistics: NO_STATISTICS, rates: NO_RATES };
  return { service, destinations, ...idle, ...changes };
}

/** A server at which nothing is going on, with changes. */
export function serverStatus(
  destination: Destination,
  changes: Partial<DestinationStatus> = {},
): DestinationStatus {
  return {
    destination,
    active: 0,
    inactive: 0,
    persistent: 0,
    statistics: NO_STATISTICS,
    rates: NO_RATES,
    ...changes,
  };
}

/** An established, masqueraded TCP connection with changes, from `198.51.100.1:1024 192.0.2.1:80 10.0.0.1:8080`. */
export function connectionOf(text: string, changes: Partial<ConnectionEntry> = {}): ConnectionEntry {
  const [source, virtual, destination] = text.split(" ").map(endpointOf);
  return {
    template: false,
    protocol: "TCP",
    state: "ESTABLISHED",
    expires: 899,
    timeout: 900,
    service: null,
    method: "masquerade",
    source: source!,
    virtual: virtual!,
    local: source!,
    destination: destination!,
    engine: null,
    ...changes,
  };
}

/** From `10.0.0.1:80` or `[2001:db8::1]:80`. */
export function endpointOf(text: string): Endpoint {
  const colon = text.lastIndexOf(":");
  const address = text.slice(0, colon).replace(/[[\]]/g, "");
  return { family: address.includes(":") ? 6 : 4, address, port: Number(text.slice(colon + 1)) };
}
