/** Settings of services and servers: as people say them, and as the tables hold them. */
import * as tables from "../../kernel/tables.ts";
import type {
  ClientAddress,
  Destination,
  ForwardingMethod,
  Persistence,
  Tunnel,
  VirtualService,
} from "../model.ts";
import { type AddressNumber, prefixLength, prefixMask } from "./address.ts";
import { schedulerName } from "./schedulers.ts";
import { secondsOf, ticksOf } from "./timeouts.ts";

/** What is configured of a service besides its key and servers. */
export interface ServiceSettings {
  /** SCHEDULER_*. */
  readonly scheduler: number;
  /** POOL_*. */
  readonly flags: number;
  /** Ticks; 0: not persistent. */
  readonly persistence: number;
  /** Of the service's family; 0 if it is not persistent. */
  readonly mask: AddressNumber;
}

const SCHEDULER_FLAGS = tables.POOL_FLAG_1 | tables.POOL_FLAG_2 | tables.POOL_FLAG_3;

const CLIENT_ADDRESSES: Readonly<Record<ClientAddress, number>> = {
  hidden: 0,
  toa: tables.POOL_TOA,
  "proxy-v2": tables.POOL_PROXY,
};

export function serviceSettings(service: VirtualService, scheduler: number): ServiceSettings {
  const { key, schedulerFlags, onePacket, clientAddress, persistence, engine } = service;
  const flags =
    (schedulerFlags & SCHEDULER_FLAGS) |
    (onePacket ? tables.POOL_ONE_PACKET : 0) |
    CLIENT_ADDRESSES[clientAddress] |
    (engine === "sip" ? tables.POOL_SIP : 0);
  if (persistence === null) return { scheduler, flags, persistence: 0, mask: key.family === 6 ? 0n : 0 };
  const mask = key.family === 6 ? prefixMask(persistence.mask) : persistence.mask >>> 0;
  return { scheduler, flags, persistence: ticksOf(persistence.timeout), mask };
}

/** The service of settings as the tables have them. */
export function virtualServiceOf(
  key: VirtualService["key"],
  { scheduler, flags, persistence, mask }: ServiceSettings,
): VirtualService {
  return {
    key,
    scheduler: schedulerName(scheduler),
    schedulerFlags: flags & SCHEDULER_FLAGS,
    persistence: persistence === 0 ? null : persistenceOf(persistence, mask),
    engine: (flags & tables.POOL_SIP) !== 0 ? "sip" : null,
    onePacket: (flags & tables.POOL_ONE_PACKET) !== 0,
    clientAddress: clientAddressOf(flags),
  };
}

function persistenceOf(ticks: number, mask: AddressNumber): Persistence {
  return { timeout: secondsOf(ticks), mask: typeof mask === "number" ? mask : prefixLength(mask) };
}

function clientAddressOf(flags: number): ClientAddress {
  if ((flags & tables.POOL_TOA) !== 0) return "toa";
  return (flags & tables.POOL_PROXY) !== 0 ? "proxy-v2" : "hidden";
}

/** How a server gets its packets. */
export interface Forwarding {
  /** FORWARD_*. */
  readonly forward: number;
  /** TUNNEL_*; 0 without a tunnel. */
  readonly tunnelType: number;
  readonly tunnelChecksum: number;
  readonly tunnelPort: number;
}

/** What commands say about a server. */
export interface DestinationSettings extends Forwarding {
  readonly weight: number;
  readonly upper: number;
  readonly lower: number;
}

const METHODS: Readonly<Record<ForwardingMethod, number>> = {
  masquerade: tables.FORWARD_MASQ,
  route: tables.FORWARD_ROUTE,
  tunnel: tables.FORWARD_TUNNEL,
  local: tables.FORWARD_LOCAL,
  bypass: tables.FORWARD_BYPASS,
  fullnat: tables.FORWARD_FULLNAT,
};
const METHOD_NAMES: ReadonlyMap<number, ForwardingMethod> = new Map(
  Object.entries(METHODS).map(([name, number]) => [number, name as ForwardingMethod]),
);

const TUNNEL_TYPES = ["ipip", "gue", "gre"] as const;
const CHECKSUMS = ["none", "full", "remote"] as const;

export function destinationSettings(destination: Destination): DestinationSettings {
  const { method, tunnel, weight, upperThreshold, lowerThreshold } = destination;
  const { type, port, checksum } = (method === "tunnel" && tunnel) || NO_TUNNEL;
  return {
    forward: METHODS[method],
    tunnelType: TUNNEL_TYPES.indexOf(type),
    tunnelChecksum: CHECKSUMS.indexOf(checksum),
    tunnelPort: port,
    weight,
    upper: upperThreshold,
    lower: lowerThreshold,
  };
}

/** What stands in the fields of a server without a tunnel. */
const NO_TUNNEL: Tunnel = { type: "ipip", port: 0, checksum: "none" };

export function methodOf(forward: number): ForwardingMethod {
  return METHOD_NAMES.get(forward) ?? "masquerade";
}

/** The tunnel of a server; null if it has none. */
export function tunnelOf({ forward, tunnelType, tunnelChecksum, tunnelPort }: Forwarding): Tunnel | null {
  if (forward !== tables.FORWARD_TUNNEL) return null;
  const type = TUNNEL_TYPES[tunnelType] ?? "ipip";
  return { type, port: tunnelPort, checksum: CHECKSUMS[tunnelChecksum] ?? "none" };
}
