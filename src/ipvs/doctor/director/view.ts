/** What several checks of a director ask its facts for. */
import { ip, prefixContains } from "../../../net/index.ts";
import {
  type Destination,
  destinationId,
  type Family,
  type ServiceKey,
  type ServiceStatus,
  serviceId,
} from "../../model.ts";
import {
  type DirectorFacts,
  type HostFacts,
  type LinkFacts,
  probeId,
  type ServerProbe,
  type Way,
} from "../facts.ts";
import type { Finding, Remedy } from "../finding.ts";

/** A check of a director: facts in, findings out. Pure. */
export type DirectorCheck = (director: DirectorFacts, host: HostFacts) => readonly Finding[];

/** A server of a service with what is known of it. */
export interface ServerView {
  readonly service: ServiceStatus;
  readonly server: Destination;
  /** Null: no way. */
  readonly way: Way | null;
  /** Undefined: it was not asked. */
  readonly probe: ServerProbe | undefined;
  /** Its name in `DirectorFacts.probes`. */
  readonly probeId: string;
  /** "TCP 192.0.2.1:80 -> 10.0.0.1:80" */
  readonly where: string;
}

export function serversOf(director: DirectorFacts): ServerView[] {
  return director.services.flatMap((service) =>
    service.destinations.map(({ destination }) => {
      const id = probeId(serviceId(service.service.key), destinationId(destination));
      return {
        service,
        server: destination,
        way: director.ways.get(destination.address) ?? null,
        probe: director.probes.get(id),
        probeId: id,
        where: `${serviceText(service.service.key)} -> ${destinationId(destination)}`,
      };
    }),
  );
}

/** The first of several findings about one thing. */
export function onlyOnce(findings: readonly Finding[]): Finding[] {
  return findings.filter(
    ({ code, where }, index) =>
      findings.findIndex((each) => each.code === code && each.where === where) === index,
  );
}

/** "TCP 192.0.2.1:80", "FWM 7", "FWM 7 IPv6": as ipvsadm prints it. */
export function serviceText(key: ServiceKey): string {
  if (key.kind === "mark") return `FWM ${key.mark}${key.family === 6 ? " IPv6" : ""}`;
  return `${key.protocol.toUpperCase()} ${serviceId(key).slice(key.protocol.length + 1)}`;
}

/** Virtual addresses with their services' names. */
export function virtualAddresses(director: DirectorFacts): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const { service } of director.services) {
    const { key } = service;
    if (key.kind !== "address") continue;
    found.set(key.address, [...(found.get(key.address) ?? []), serviceText(key)]);
  }
  return found;
}

export function familyOf(address: string): Family {
  return address.includes(":") ? 6 : 4;
}

export function findLink({ links }: HostFacts, name: string | null): LinkFacts | undefined {
  return links.find((each) => each.name === name);
}

/** Interfaces that have a network with this address in it, a network of this one address included. */
export function linksOfNetwork(host: HostFacts, address: string): LinkFacts[] {
  const names = new Set(
    host.addresses
      .filter((each) => prefixContains({ address: ip(each.address), length: each.length }, ip(address)))
      .map(({ link }) => link),
  );
  return host.links.filter(({ name, loopback }) => names.has(name) && !loopback);
}

/**
 * Interfaces by which clients come, as far as can be seen: those in the networks of virtual addresses, and those that default routes
 * leave by. With services by mark, the latter only.
 */
export function clientLinks(director: DirectorFacts, host: HostFacts): LinkFacts[] {
  const families = new Set(director.services.map(({ service }) => service.key.family));
  const names = new Set(
    host.defaultRoutes.filter(({ family }) => families.has(family)).flatMap(({ link }) => link ?? []),
  );
  for (const address of virtualAddresses(director).keys()) {
    for (const { name } of linksOfNetwork(host, address)) names.add(name);
  }
  return host.links.filter(({ name, loopback }) => names.has(name) && !loopback);
}

/** What brings the datapath up to date without attaching it where it was taken off. */
export function refreshDatapath({ links }: HostFacts): Remedy {
  if (!links.some(({ datapath }) => datapath === "forbidden")) return { kind: "attach", interfaces: [] };
  const present = links.find(({ datapath }) => datapath === "attached");
  return { kind: "attach", interfaces: [present?.name ?? "lo"] };
}
