/** What a configuration asks of the datapath's programs. */
import { FTP_PORT } from "../../kernel/ftp/control.ts";
import * as tables from "../../kernel/tables.ts";
import type { Draft } from "../configuration/draft.ts";
import type { DraftDestination, DraftService } from "../configuration/draft-service.ts";
import { familyOfService, type ServiceIdentity } from "../configuration/identity.ts";
import { readService } from "../configuration/published.ts";
import type { Feature, Needs, Plane } from "../plane.ts";
import { needsOfRules } from "../rules/needs.ts";

export const NO_NEEDS: Needs = new Set();

const SCHEDULERS: ReadonlyMap<number, Feature> = new Map([
  [tables.SCHEDULER_RR, "roundRobin"],
  [tables.SCHEDULER_WRR, "weightedRoundRobin"],
  [tables.SCHEDULER_LC, "leastConnection"],
  [tables.SCHEDULER_WLC, "weightedLeastConnection"],
  [tables.SCHEDULER_LBLC, "localityLeastConnection"],
  [tables.SCHEDULER_LBLCR, "localityWithReplication"],
  [tables.SCHEDULER_DH, "destinationHashing"],
  [tables.SCHEDULER_SH, "sourceHashing"],
  [tables.SCHEDULER_MH, "maglevHashing"],
  [tables.SCHEDULER_SED, "shortestExpectedDelay"],
  [tables.SCHEDULER_NQ, "neverQueue"],
  [tables.SCHEDULER_FO, "weightedFailover"],
  [tables.SCHEDULER_OVF, "weightedOverflow"],
  [tables.SCHEDULER_TWOS, "twoChoices"],
]);

const PROTOCOLS: ReadonlyMap<number, Feature> = new Map([
  [tables.PROTOCOL_TCP, "tcp"],
  [tables.PROTOCOL_UDP, "udp"],
  [tables.PROTOCOL_SCTP, "sctp"],
]);

export function needsOf(services: Iterable<DraftService>, plane: Plane): Needs {
  const needs = new Set<Feature>();
  for (const { identity, settings, list } of services) {
    addServiceNeeds(needs, identity);
    const scheduler = SCHEDULERS.get(settings.scheduler);
    if (scheduler !== undefined) needs.add(scheduler);
    if (settings.persistence !== 0) needs.add("persistence");
    // It has its data connections, too, whatever their port.
    if (settings.persistence !== 0 && isFtp(identity)) needs.add("anyPort");
    if ((settings.flags & tables.POOL_ONE_PACKET) !== 0) needs.add("onePacket");
    if ((settings.flags & (tables.POOL_TOA | tables.POOL_PROXY)) !== 0) needs.add("clientAddress");
    if (goesByCallId(settings)) needs.add("sip");
    for (const destination of list) addDestinationNeeds(needs, identity, destination, plane);
  }
  return needs;
}

/** An engine without persistence does nothing. */
function goesByCallId({ flags, persistence }: DraftService["settings"]): boolean {
  return persistence !== 0 && (flags & tables.POOL_SIP) !== 0;
}

function isFtp({ kind, port, protocol }: ServiceIdentity): boolean {
  return (kind & tables.SERVICE_MARK) === 0 && protocol === tables.PROTOCOL_TCP && port === FTP_PORT;
}

function addServiceNeeds(needs: Set<Feature>, { kind, port, protocol }: ServiceIdentity): void {
  if (familyOfService(kind) === 6) needs.add("ipv6");
  if ((kind & tables.SERVICE_MARK) !== 0) {
    needs.add("marks");
    for (const feature of PROTOCOLS.values()) needs.add(feature);
    return;
  }
  if (port === 0) needs.add("anyPort");
  const feature = PROTOCOLS.get(protocol);
  if (feature !== undefined) needs.add(feature);
}

function addDestinationNeeds(
  needs: Set<Feature>,
  identity: ServiceIdentity,
  destination: DraftDestination,
  plane: Plane,
): void {
  const {
    address,
    settings: { forward, upper },
  } = destination;
  if (upper !== 0) needs.add("thresholds");
  if (forward === tables.FORWARD_ROUTE) needs.add("directRouting");
  if (forward === tables.FORWARD_TUNNEL) needs.add("tunnels");
  if (forward === tables.FORWARD_FULLNAT) needs.add("fullnat");
  if (forward === tables.FORWARD_LOCAL || plane.isLocalAddress(address)) needs.add("localServers");
  // Where a client's two servers wait at one port, one of them is given another.
  if (isFtp(identity) && forward === tables.FORWARD_MASQ) {
    needs.add("ftp");
    needs.add("portMapping");
  }
  const translates = forward === tables.FORWARD_MASQ || forward === tables.FORWARD_FULLNAT;
  if (translates && destination.port !== 0 && destination.port !== identity.port) needs.add("portMapping");
}

/** The needs of all services as the draft makes them. */
export function needsOfServices(draft: Draft): Needs {
  const unchanged = draft.unchangedRows().map((row) => readService(draft.memory, row));
  return needsOf([...draft.changed, ...unchanged], draft.memory.plane);
}

/** The needs of the whole configuration: of all services as the draft makes them, and of the rules that hold. */
export function needsOfAll(draft: Draft): Needs {
  return new Set([...needsOfServices(draft), ...needsOfRules(draft.memory.plane)]);
}

/** Whether a program made for `have` does for `needs`. */
export function satisfies(have: Needs, needs: Needs): boolean {
  for (const need of needs) if (!have.has(need)) return false;
  return true;
}
