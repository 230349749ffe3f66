import type { DirectorInfo } from "../../ipvs/administration.ts";
import {
  type Destination,
  type DestinationStatus,
  hostMask,
  type Rates,
  type ServiceKey,
  type ServiceStatus,
  type Statistics,
  type SyncDaemon,
  type Timeouts,
  type VirtualService,
} from "../../ipvs/model.ts";
import { formatIpv4, ipv4FromNumber } from "../../net/index.ts";
import { destinationName, LISTING_WIDTH, serviceName, signedMark } from "./endpoint-names.ts";
import type { Names } from "./names.ts";
import { sortDestinations, sortServices } from "./order.ts";
import { writeSchedulerFlags } from "./values.ts";

/** What is shown of each service and server; the formats exclude each other. */
export type ListFormat = "plain" | "statistics" | "rates" | "thresholds" | "persistent" | "tunnels";

/** How to print services. */
export interface ListOptions {
  readonly format: ListFormat;
  /** Print whole numbers instead of K, M, G, T. */
  readonly exact: boolean;
  readonly sorted: boolean;
  /** null: print addresses and ports as numbers. */
  readonly names: Names | null;
}

const TITLES: Record<ListFormat, string> = {
  plain:
    "Prot LocalAddress:Port Scheduler Flags\n" +
    "  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn\n",
  statistics:
    "Prot LocalAddress:Port               Conns   InPkts  OutPkts  InBytes OutBytes\n" +
    "  -> RemoteAddress:Port\n",
  rates:
    "Prot LocalAddress:Port                 CPS    InPPS   OutPPS    InBPS   OutBPS\n" +
    "  -> RemoteAddress:Port\n",
  thresholds:
    "Prot LocalAddress:Port            Uthreshold Lthreshold ActiveConn InActConn \n" +
    "  -> RemoteAddress:Port\n",
  persistent:
    "Prot LocalAddress:Port            Weight    PersistConn ActiveConn InActConn \n" +
    "  -> RemoteAddress:Port\n",
  tunnels:
    "Prot LocalAddress:Port Scheduler Flags\n" +
    "  -> RemoteAddress:Port           Forward TunnelInfo    Weight ActiveConn InActConn\n",
};

/** The listing of all services, with the version line on top. */
export function printServices(
  info: DirectorInfo,
  services: readonly ServiceStatus[],
  options: ListOptions,
): string {
  const ordered = options.sorted ? sortServices(services) : services;
  return [
    `IP Virtual Server version ${info.version} (size=${info.connectionTableSize})\n`,
    TITLES[options.format],
    ...ordered.map((service) => printServiceBlock(service, options)),
  ].join("");
}

/** The listing of one service, which has no version line. */
export function printService(service: ServiceStatus, options: ListOptions): string {
  return TITLES[options.format] + printServiceBlock(service, options);
}

function printServiceBlock(status: ServiceStatus, options: ListOptions): string {
  const { service } = status;
  const destinations = options.sorted ? sortDestinations(status.destinations) : status.destinations;
  return [
    printServiceLine(status, options),
    ...destinations.map((destination) => printDestinationLine(destination, service.key, options)),
  ].join("");
}

function printServiceLine(status: ServiceStatus, options: ListOptions): string {
  const { service } = status;
  const name = `${protocolLabel(service.key)} ${serviceTitle(service.key, options.names)}`;
  switch (options.format) {
    case "statistics":
      return `${name.padEnd(33)}${printStatistics(status.statistics, options.exact)}\n`;
    case "rates":
      return `${name.padEnd(33)}${printRates(status.rates, options.exact)}\n`;
    default:
      return `${name} ${service.scheduler}${printServiceFlags(service)}\n`;
  }
}

function protocolLabel(key: ServiceKey): string {
  return key.kind === "mark" ? "FWM " : key.protocol.toUpperCase().padEnd(4);
}

function serviceTitle(key: ServiceKey, names: Names | null): string {
  if (key.kind === "address") return serviceName(key, names, LISTING_WIDTH);
  return key.family === 6 ? `${signedMark(key.mark)} IPv6` : String(signedMark(key.mark));
}

function printServiceFlags(service: VirtualService): string {
  const flags = writeSchedulerFlags(service.schedulerFlags, service.scheduler);
  const parts = flags === "" ? [] : [`(${flags})`];
  if (service.persistence !== null) {
    const { timeout } = service.persistence;
    parts.push(`persistent ${timeout}`);
    const mask = writeMask(service);
    if (mask !== null) parts.push(`mask ${mask}`);
    if (service.engine !== null) parts.push(`pe ${service.engine}`);
  }
  if (service.onePacket) parts.push("ops");
  if (service.clientAddress === "toa") parts.push("toa");
  if (service.clientAddress === "proxy-v2") parts.push("proxy-protocol v2");
  return parts.map((part) => ` ${part}`).join("");
}

/** The persistence mask as text, or null if each client counts by itself. */
export function writeMask(service: VirtualService): string | null {
  const { key, persistence } = service;
  if (persistence === null || persistence.mask === hostMask(key.family)) return null;
  return key.family === 6 ? String(persistence.mask) : formatIpv4(ipv4FromNumber(persistence.mask));
}

const FORWARDING_LABELS: Record<Destination["method"], string> = {
  masquerade: "Masq",
  route: "Route",
  tunnel: "Tunnel",
  local: "Local",
  bypass: "Bypass",
  fullnat: "FullNat",
};

function printDestinationLine(status: DestinationStatus, key: ServiceKey, options: ListOptions): string {
  const { destination, active, inactive } = status;
  const name = `  -> ${destinationName(destination, key, options.names, LISTING_WIDTH).padEnd(28)}`;
  const connections = `${left(active, 10)} ${left(inactive, 10)}\n`;
  const method = FORWARDING_LABELS[destination.method].padEnd(7);
  switch (options.format) {
    case "statistics":
      return `${name}${printStatistics(status.statistics, options.exact)}\n`;
    case "rates":
      return `${name}${printRates(status.rates, options.exact)}\n`;
    case "thresholds":
      return `${name} ${left(destination.upperThreshold, 10)} ${left(destination.lowerThreshold, 10)} ${connections}`;
    case "persistent":
      return `${name} ${left(destination.weight, 9)} ${left(status.persistent, 11)} ${connections}`;
    case "tunnels":
      return `${name} ${method} ${writeTunnel(destination).padEnd(13)} ${left(destination.weight, 6)} ${connections}`;
    case "plain":
      return `${name} ${method} ${left(destination.weight, 6)} ${connections}`;
  }
}

const CHECKSUM_LABELS: Record<NonNullable<Destination["tunnel"]>["checksum"], string> = {
  none: "-c",
  full: "+c",
  remote: "r+c",
};

function writeTunnel({ tunnel }: Destination): string {
  if (tunnel === null) return "n/a";
  switch (tunnel.type) {
    case "ipip":
      return "ipip";
    case "gue":
      return `gue:${tunnel.port}:${CHECKSUM_LABELS[tunnel.checksum]}`;
    case "gre":
      return `gre:${CHECKSUM_LABELS[tunnel.checksum]}`;
  }
}

function left(value: number, width: number): string {
  return String(value).padEnd(width);
}

function printStatistics(statistics: Statistics, exact: boolean): string {
  return printNumbers(
    [
      statistics.connections,
      statistics.inPackets,
      statistics.outPackets,
      statistics.inBytes,
      statistics.outBytes,
    ],
    exact,
  );
}

function printRates(rates: Rates, exact: boolean): string {
  return printNumbers(
    [rates.connections, rates.inPackets, rates.outPackets, rates.inBytes, rates.outBytes],
    exact,
  );
}

function printNumbers(values: readonly (bigint | number)[], exact: boolean): string {
  return values.map((value) => ` ${printNumber(BigInt(value), exact).padStart(8)}`).join("");
}

/** From which value on a number is shown in which unit, rounded down. */
const UNITS: readonly { from: bigint; unit: bigint; letter: string }[] = [
  { from: 10n ** 14n, unit: 10n ** 12n, letter: "T" },
  { from: 10n ** 11n, unit: 10n ** 9n, letter: "G" },
  { from: 10n ** 9n, unit: 10n ** 6n, letter: "M" },
  { from: 10n ** 8n, unit: 10n ** 3n, letter: "K" },
];

/** A counter as text: whole up to eight digits, beyond that in thousands, millions… unless `exact`. */
export function printNumber(value: bigint, exact: boolean): string {
  const scale = exact ? undefined : UNITS.find(({ from }) => value >= from);
  return scale === undefined ? String(value) : `${value / scale.unit}${scale.letter}`;
}

export function printTimeouts(timeouts: Timeouts): string {
  return `Timeout (tcp tcpfin udp): ${timeouts.tcp} ${timeouts.tcpFin} ${timeouts.udp}\n`;
}

/** The sync daemons that run, the master first; nothing if none does. */
export function printDaemons(daemons: readonly SyncDaemon[]): string {
  return [...daemons]
    .sort((a, b) => Number(a.role === "backup") - Number(b.role === "backup"))
    .map(
      (daemon) =>
        `${daemon.role} sync daemon (mcast=${daemon.interface}, syncid=${daemon.syncId}, ` +
        `maxlen=${daemon.maxLength}, group=${daemon.group}, port=${daemon.port}, ttl=${daemon.ttl})\n`,
    )
    .join("");
}
