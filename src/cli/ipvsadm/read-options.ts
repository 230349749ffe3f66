import {
  type ClientAddress,
  type DestinationKey,
  type Family,
  type ForwardingMethod,
  IPV4_HOST_MASK,
  IPV6_HOST_PREFIX,
  type Protocol,
  type ServiceKey,
  type SyncDaemon,
  type Tunnel,
} from "../../ipvs/model.ts";
import { readAddress } from "./address.ts";
import { readMulticastGroup } from "./multicast-group.ts";
import type { Names } from "./names.ts";
import type { OptionReader } from "./option-reader.ts";
import type { OptionName } from "./options.ts";
import { UsageError } from "./usage-error.ts";
import * as values from "./values.ts";

/** Persistence without a timeout, s. */
const DEFAULT_PERSISTENCE = 360;

/** What the options behind the command say, with the defaults of what they do not say. */
export interface Settings {
  /** The options that were said at all. */
  readonly given: Set<OptionName>;
  service: ServiceKey | null;
  /** Empty: the default. */
  scheduler: string;
  /** Flags as said: what they mean depends on the scheduler, which may be said behind them. */
  schedulerFlags: string;
  /** s, or null for a service that is not persistent. */
  persistence: number | null;
  /** As in `Persistence`. */
  mask: number;
  engine: string;
  server: DestinationKey | null;
  method: ForwardingMethod;
  weight: number;
  upperThreshold: number;
  lowerThreshold: number;
  tunnelType: Tunnel["type"];
  tunnelPort: number;
  daemon: Partial<Omit<SyncDaemon, "role">>;
  localAddress: LocalAddress | null;
  clientAddress: ClientAddress;
}

/** Of FullNAT. */
export interface LocalAddress {
  readonly family: Family;
  /** Canonical text. */
  readonly address: string;
}

function defaults(): Settings {
  return {
    given: new Set(),
    service: null,
    scheduler: "",
    schedulerFlags: "",
    persistence: null,
    mask: IPV4_HOST_MASK,
    engine: "",
    server: null,
    method: "route",
    weight: 1,
    upperThreshold: 0,
    lowerThreshold: 0,
    tunnelType: "ipip",
    tunnelPort: 0,
    daemon: {},
    localAddress: null,
    clientAddress: "hidden",
  };
}

/**
 * Reads the options behind the command, each with its value, up to the end of the line.
 *
 * @throws UsageError at the first option that is repeated, bad, or none
 */
export function readOptions(reader: OptionReader, names: Names): Settings {
  const settings = defaults();
  for (let option = reader.next(); option !== null; option = reader.next()) {
    if ("problem" in option) throw new UsageError(`${option.word}: ${option.problem}`, 255, true);
    const { means } = option.spec;
    switch (means.kind) {
      case "command":
        throw new UsageError(`invalid option \`${option.word}'`);
      case "sort":
        break;
      case "ipv6":
        useIpv6(settings);
        break;
      case "option":
        if (settings.given.has(means.name)) {
          throw new UsageError(`multiple '${means.name}' options specified`);
        }
        settings.given.add(means.name);
        readValue(settings, means.name, means.value ?? "", option.value, names);
        break;
    }
  }
  return settings;
}

/** `-6` makes the fwmark service before it one of IPv6. */
function useIpv6(settings: Settings): void {
  if (settings.service?.kind !== "mark") throw new UsageError("-6 used before -f\n");
  settings.service = { ...settings.service, family: 6 };
  settings.mask = IPV6_HOST_PREFIX;
}

/**
 * @param variant what the spelling says: the protocol of a service address, the forwarding method
 * @param text the argument, null if it was optional and left out
 */
function readValue(
  settings: Settings,
  name: OptionName,
  variant: string,
  text: string | null,
  names: Names,
): void {
  const argument = text ?? "";
  switch (name) {
    case "service-address":
      readService(settings, variant as Protocol | "fwmark", argument, names);
      break;
    case "real-server":
      settings.server = readServer(settings.service, argument, names);
      break;
    case "scheduler":
      settings.scheduler = argument;
      break;
    case "sched-flags":
      settings.schedulerFlags = argument;
      break;
    case "persistent":
      settings.persistence = text === null ? DEFAULT_PERSISTENCE : values.readPersistence(text);
      break;
    case "netmask":
      settings.mask =
        settings.service?.family === 6 ? values.readIpv6Mask(argument) : values.readIpv4Mask(argument, names);
      break;
    case "pe":
      settings.engine = argument;
      break;
    case "forwarding-method":
      settings.method = variant as ForwardingMethod;
      break;
    case "weight":
      settings.weight = values.readWeight(argument);
      break;
    case "u-threshold":
      settings.upperThreshold = values.readUpperThreshold(argument);
      break;
    case "l-threshold":
      settings.lowerThreshold = values.readLowerThreshold(argument);
      break;
    case "tun-type":
      settings.tunnelType = values.readTunnelType(argument);
      break;
    case "tun-port":
      settings.tunnelPort = values.readTunnelPort(argument);
      break;
    case "syncid":
      settings.daemon = { ...settings.daemon, syncId: values.readSyncId(argument) };
      break;
    case "sync-maxlen":
      settings.daemon = { ...settings.daemon, maxLength: values.readSyncMaxLength(argument) };
      break;
    case "mcast-interface":
      settings.daemon = { ...settings.daemon, interface: argument };
      break;
    case "mcast-group":
      settings.daemon = { ...settings.daemon, group: readMulticastGroup(argument) };
      break;
    case "mcast-port":
      settings.daemon = { ...settings.daemon, port: values.readMulticastPort(argument) };
      break;
    case "mcast-ttl":
      settings.daemon = { ...settings.daemon, ttl: values.readMulticastTtl(argument) };
      break;
    case "local-address":
      settings.localAddress = readLocalAddress(argument, names);
      break;
    case "toa":
      settings.clientAddress = "toa";
      break;
    case "proxy-protocol":
      settings.clientAddress = values.readProxyProtocol(argument);
      break;
    default:
      // The others say all by being there.
      break;
  }
}

function readService(settings: Settings, kind: Protocol | "fwmark", text: string, names: Names): void {
  if (kind === "fwmark") {
    settings.service = { kind: "mark", family: 4, mark: values.readMark(text) };
    return;
  }
  const given = readAddress(text, kind, names);
  if (given === null) throw new UsageError("illegal virtual server address[:port] specified");
  const { family, address, port } = given;
  settings.service = { kind: "address", family, protocol: kind, address, port: port ?? 0 };
  if (family === 6) settings.mask = IPV6_HOST_PREFIX;
}

/**
 * A server's port is the service's if none is said. That, and names of ports, need the service to be said before
 * the server; ports of a fwmark service's servers may be named as for TCP.
 */
function readServer(service: ServiceKey | null, text: string, names: Names): DestinationKey {
  const protocol = service?.kind === "mark" ? "tcp" : (service?.protocol ?? null);
  const given = readAddress(text, protocol, names);
  if (given === null) throw new UsageError("illegal real server address[:port] specified");
  const servicePort = service?.kind === "address" ? service.port : 0;
  return { family: given.family, address: given.address, port: given.port ?? servicePort };
}

function readLocalAddress(text: string, names: Names): LocalAddress {
  const given = readAddress(text, null, names);
  if (given === null || given.port !== null) throw new UsageError("illegal local address specified");
  return { family: given.family, address: given.address };
}
