/** Recorded commands, as the kernel's tests understand them, carried out by the administration. */

import { POOL_ONE_PACKET } from "../../kernel/tables.ts";
import type { Commanded } from "../../kernel/testing/commands.ts";
import type { Load } from "../../kernel/testing/recordings.ts";
import {
  type EndpointText,
  type ServerSettings,
  type ServiceProtocol,
  type ServiceSettings,
  splitEndpoint,
} from "../../kernel/testing/service-settings.ts";
import { ip, ipv4ToNumber } from "../../net/index.ts";
import {
  type Destination,
  destinationId,
  hostMask,
  type Persistence,
  type ServiceKey,
  serviceId,
  type VirtualService,
} from "../model.ts";
import type { TableAdministration } from "../table-administration.ts";
import { familyOf } from "./plain.ts";

function keyOf(protocol: ServiceProtocol, endpoint: EndpointText): ServiceKey {
  if (protocol === "mark" || protocol === "mark6")
    return { kind: "mark", family: protocol === "mark" ? 4 : 6, mark: Number(endpoint) };
  const { host, port } = splitEndpoint(endpoint);
  return { kind: "address", family: familyOf(host), protocol, address: host, port };
}

function persistenceOf(key: ServiceKey, { persistence, mask }: ServiceSettings): Persistence | null {
  if (persistence === undefined) return null;
  if (mask === undefined) return { timeout: persistence, mask: hostMask(key.family) };
  return { timeout: persistence, mask: key.family === 4 ? ipv4ToNumber(ip(mask)) : Number(mask) };
}

function serviceOf(key: ServiceKey, scheduler: string, settings: ServiceSettings): VirtualService {
  const { flags = 0 } = settings;
  return {
    key,
    scheduler,
    schedulerFlags: flags & ~POOL_ONE_PACKET,
    persistence: persistenceOf(key, settings),
    engine: null,
    onePacket: (flags & POOL_ONE_PACKET) !== 0,
    clientAddress: "hidden",
  };
}

/** Every server masquerades, as in the recordings of schedulers. */
function destinationOf(server: EndpointText, settings: ServerSettings = {}): Destination {
  const { host, port } = splitEndpoint(server);
  return {
    family: familyOf(host),
    address: host,
    port,
    method: "masquerade",
    tunnel: null,
    weight: settings.weight ?? 1,
    upperThreshold: settings.upper ?? 0,
    lowerThreshold: settings.lower ?? 0,
  };
}

/** What `runCommand` is to work on. */
export class Administered implements Commanded {
  readonly #administration: TableAdministration;

  constructor(administration: TableAdministration) {
    this.#administration = administration;
  }

  setTcpFinUdp(tcp: number, tcpFin: number, udp: number): void {
    this.#administration.setTimeouts({ tcp, tcpFin, udp });
  }

  setSysctl(name: string, value: number): void {
    this.#administration.setSysctl(name, String(value));
  }

  addService(
    protocol: ServiceProtocol,
    endpoint: EndpointText,
    scheduler: string,
    settings: ServiceSettings = {},
  ): void {
    this.#administration.addService(serviceOf(keyOf(protocol, endpoint), scheduler, settings));
  }

  editService(
    protocol: ServiceProtocol,
    endpoint: EndpointText,
    scheduler: string,
    settings: ServiceSettings = {},
  ): void {
    this.#administration.editService(serviceOf(keyOf(protocol, endpoint), scheduler, settings));
  }

  deleteService(protocol: ServiceProtocol, endpoint: EndpointText): void {
    this.#administration.deleteService(keyOf(protocol, endpoint));
  }

  /** Returns 0: slots are the administration's own business. */
  addServer(
    protocol: ServiceProtocol,
    endpoint: EndpointText,
    server: EndpointText,
    settings: ServerSettings = {},
  ): number {
    this.#administration.addDestination(keyOf(protocol, endpoint), destinationOf(server, settings));
    return 0;
  }

  editServer(
    protocol: ServiceProtocol,
    endpoint: EndpointText,
    server: EndpointText,
    settings: ServerSettings = {},
  ): void {
    this.#administration.editDestination(keyOf(protocol, endpoint), destinationOf(server, settings));
  }

  deleteServer(protocol: ServiceProtocol, endpoint: EndpointText, server: EndpointText): void {
    this.#administration.deleteDestination(keyOf(protocol, endpoint), destinationOf(server));
  }

  /** With 0 for each slot. */
  serversOf(protocol: ServiceProtocol, endpoint: EndpointText): ReadonlyMap<EndpointText, number> {
    const id = serviceId(keyOf(protocol, endpoint));
    const found = this.#administration.services().find(({ service }) => serviceId(service.key) === id);
    return new Map((found?.destinations ?? []).map((each) => [destinationId(each.destination), 0]));
  }

  /** How the servers of all services stand. */
  loads(): Load[] {
    return this.#administration.services().flatMap(({ destinations }) =>
      destinations.map(({ destination, active, inactive }) => ({
        rs: destinationId(destination),
        weight: destination.weight,
        active,
        inactive,
      })),
    );
  }
}
