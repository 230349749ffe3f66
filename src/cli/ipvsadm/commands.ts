import type { Command } from "../../ipvs/administration.ts";
import type { Destination, ServiceKey, SyncRole, Tunnel, VirtualService } from "../../ipvs/model.ts";
import { checkTunnelOptions, hasTunnelOption } from "./legality.ts";
import type { OptionName } from "./options.ts";
import type { Settings } from "./read-options.ts";
import { UsageError } from "./usage-error.ts";

const DEFAULT_SCHEDULER = "wlc";
/** The interface of a sync daemon for which none is said. */
const DEFAULT_INTERFACE = "eth0";

/** The scheduler that was said, or the default. */
export function schedulerOf(settings: Settings): string {
  return settings.scheduler === "" ? DEFAULT_SCHEDULER : settings.scheduler;
}

/** `-A` and `-E`: a whole service; what was not said takes its default, also when editing. */
export function serviceCommand(
  kind: "add-service" | "edit-service",
  key: ServiceKey,
  settings: Settings,
  schedulerFlags: number,
): Command {
  const { persistence, mask, engine, given, clientAddress } = settings;
  const onePacket = given.has("ops");
  if (key.kind === "address") {
    if (key.port === 0 && persistence === null) {
      throw new UsageError("Zero port specified for non-persistent service");
    }
    if (onePacket && key.protocol !== "udp") {
      throw new UsageError("One-Packet Scheduling is only for UDP virtual services");
    }
    if (clientAddress === "toa" && key.protocol !== "tcp") {
      throw new UsageError("Only servers of TCP services can be told the client's address in a TCP option");
    }
    if (clientAddress === "proxy-v2" && key.protocol === "sctp") {
      throw new UsageError("Only servers of TCP and UDP services can be told the client's address");
    }
  }
  const service: VirtualService = {
    key,
    scheduler: schedulerOf(settings),
    schedulerFlags,
    persistence: persistence === null ? null : { timeout: persistence, mask },
    engine: engine === "" ? null : engine,
    onePacket,
    clientAddress,
  };
  return { kind, service };
}

/**
 * `-a` and `-e`: a whole server; what was not said takes its default, also when editing. Without address
 * translation the server gets its packets at the service's port, whatever was said.
 */
export function serverCommand(
  kind: "add-destination" | "edit-destination",
  service: ServiceKey,
  settings: Settings,
): Command {
  const { method, weight, upperThreshold, lowerThreshold } = settings;
  const server = settings.server!;
  const tunnel = method === "tunnel" ? readTunnel(settings) : null;
  if (tunnel === null && hasTunnelOption(settings.given)) {
    throw new UsageError("Tunnel options conflict with forward method");
  }
  if (server.family !== service.family && tunnel === null) {
    throw new UsageError("Different address family is allowed only for tunneling servers");
  }
  const keepsPort = method === "masquerade" || method === "fullnat" || service.kind === "mark";
  const destination: Destination = {
    family: server.family,
    address: server.address,
    port: keepsPort ? server.port : service.port,
    method,
    tunnel,
    weight,
    upperThreshold,
    lowerThreshold,
  };
  return { kind, service, destination };
}

function readTunnel(settings: Settings): Tunnel {
  checkTunnelOptions(settings.tunnelType, settings.given);
  return {
    type: settings.tunnelType,
    port: settings.tunnelPort,
    checksum: readChecksum(settings.given),
  };
}

function readChecksum(given: ReadonlySet<OptionName>): Tunnel["checksum"] {
  if (given.has("tun-csum")) return "full";
  return given.has("tun-remcsum") ? "remote" : "none";
}

/** `-P` and `-Q`: a local address of FullNAT. */
export function localAddressCommand(
  kind: "add-local-address" | "delete-local-address",
  service: ServiceKey,
  settings: Settings,
): Command {
  const { family, address } = settings.localAddress!;
  if (family !== service.family) {
    throw new UsageError("Local addresses have the address family of the service");
  }
  return { kind, service, address };
}

/** `--start-daemon` and `--stop-daemon`. */
export function daemonCommand(
  kind: "start-daemon" | "stop-daemon",
  role: SyncRole,
  { daemon }: Settings,
): Command {
  const syncId = daemon.syncId ?? 0;
  if (kind === "stop-daemon") return { kind, role, syncId };
  const named = daemon.interface ?? "";
  return {
    kind,
    daemon: { ...daemon, role, syncId, interface: named === "" ? DEFAULT_INTERFACE : named },
  };
}
