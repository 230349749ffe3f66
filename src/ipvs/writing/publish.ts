/**
 * Writes a draft: builds aside, publishes, then brings the tables that follow up to date. A kill between any two
 * stores leaves the datapath with every service as it was or as it is to be; `repair` does the rest.
 */
import { services as serviceMap } from "../../kernel/tables.ts";
import { familyOf } from "../configuration/address.ts";
import type { Draft } from "../configuration/draft.ts";
import type { DraftDestination, DraftService } from "../configuration/draft-service.ts";
import { serviceNumber } from "../configuration/identity.ts";
import { identityAt } from "../configuration/published.ts";
import { SETTABLE_STATES, ticksOf } from "../configuration/timeouts.ts";
import { endOrphans } from "../connections.ts";
import type { DirectorMemory } from "../memory/director-memory.ts";
import { encodeServiceKeys, encodeServices } from "../memory/hash-entries.ts";
import {
  addRetired,
  type CounterValues,
  clearRetired,
  readCounted,
  restartCounters,
  shownCounters,
} from "../statistics.ts";
import { placeAddresses, refreshAddresses } from "./addresses.ts";
import { type Change, CLEAN, carryOut, journalLength, REPAIR } from "./journal.ts";
import { needsOf, needsOfAll } from "./needs.ts";
import { buildPool, nextPool } from "./pools.ts";
import { RoomFinder } from "./room.ts";
import { updateServers } from "./servers.ts";

/** Fields of a destination that commands set. */
const SETTINGS = [
  "forward",
  "tunnelType",
  "tunnelChecksum",
  "tunnelPort",
  "weight",
  "upper",
  "lower",
] as const;

/** A draft, sorted by what has to be written. */
interface Plan {
  readonly added: readonly DraftService[];
  readonly altered: readonly DraftService[];
  readonly deleted: readonly DraftService[];
  /** Servers of added and altered services that are not in use yet. */
  readonly coming: readonly Placed[];
  /** Servers in use that will not be. */
  readonly leaving: readonly Placed[];
}

interface Placed {
  readonly service: DraftService;
  readonly destination: DraftDestination;
}

/** Writes what the draft changes. Throws NoRoom and IpvsError before anything is written, or not at all but for system errors. */
export function publish(draft: Draft): void {
  const { memory } = draft;
  const plan = makePlan(draft);
  const changed = [...plan.added, ...plan.altered];
  const edits = plan.altered.flatMap((service) => changesOf(memory, service));
  const changes = [...edits, ...timeoutChanges(draft), ...sysctlChanges(draft)];
  if (changed.length + plan.deleted.length + changes.length + draft.zeroed.size === 0) return;
  const finder = new RoomFinder(memory);
  const rooms = changed.map((service) => finder.take(service));
  const journal = finder.takeJournal(journalLength(changes));
  if (changed.length > 0) {
    memory.plane.prepare(needsOf(changed, memory.plane), () => needsOfAll(draft));
  }

  const { settings } = memory;
  settings.dirty.set(0, REPAIR);
  zeroServices(memory, draft.zeroed);
  placeDestinations(memory, plan, draft);
  for (const [index, service] of changed.entries()) buildPool(memory, service, rooms[index]!);
  for (const service of plan.added) placeService(memory, service);

  publishServices(memory, plan);
  carryOut(memory, changes, journal);

  retire(memory, plan);
  for (const service of plan.altered)
    refreshAddresses(
      memory,
      service.list.map(({ row }) => row),
    );
  const redirected = edits.filter(({ field }) => field === "forward").map(({ row }) => row);
  updateServers(
    memory,
    [...plan.coming.map(({ destination }) => destination.row), ...redirected],
    [...plan.leaving.map(({ destination }) => destination.row), ...redirected],
  );
  if (plan.leaving.length > 0) endOrphans(memory);
  settings.dirty.set(0, CLEAN);
}

function makePlan(draft: Draft): Plan {
  const { available } = draft.memory.destinations;
  const { changed, deleted } = draft;
  const added = changed.filter((service) => service.publishedPool === null);
  const altered = changed.filter((service) => service.publishedPool !== null);
  const staying = new Set<number>();
  const coming: Placed[] = [];
  for (const service of changed) {
    for (const destination of service.list) {
      if (!destination.fresh && available.get(destination.row) !== 0) staying.add(destination.row);
      else coming.push({ service, destination });
    }
  }
  const leaving = [...altered, ...deleted].flatMap((service) =>
    service.publishedList
      .filter((destination) => !staying.has(destination.row))
      .map((destination) => ({ service, destination })),
  );
  return { added, altered, deleted, coming, leaving };
}

/** Servers that come into use: their slots are not in any list the datapath reads. */
function placeDestinations(memory: DirectorMemory, plan: Plan, draft: Draft): void {
  const { destinations, settings } = memory;
  const { coming } = plan;
  const end = settings.destinationEnd.get(0);
  const used = coming.filter(({ destination }) => destination.row < end && destination.restarted);
  const forgotten = plan.added.flatMap((service) => [...draft.removed.of(service.row)]);
  const counted = readCounted(memory, [...used.map(({ destination }) => destination.row), ...forgotten]);

  for (const service of plan.added) {
    for (const row of draft.removed.of(service.row)) forget(memory, service, row, counted(row));
  }
  const last = coming.reduce((highest, { destination }) => Math.max(highest, destination.row), 0);
  if (last >= end) settings.destinationEnd.set(0, last + 1);
  for (const { service, destination } of coming) {
    const { row, settings: wanted } = destination;
    if (destination.fresh) {
      destinations.address.set(row, destination.address);
      destinations.family.set(row, familyOf(destination.address));
      destinations.port.set(row, destination.port);
      destinations.clearHop(row);
    }
    for (const field of SETTINGS) {
      if (destinations[field].get(row) !== wanted[field]) destinations[field].set(row, wanted[field]);
    }
    destinations.lastWeight.set(row, destination.lastWeight);
    placeAddresses(memory, row);
    destinations.service.set(row, service.row);
    if (destination.fresh) destinations.overloaded.set(row, 0);
    destinations.inUse.set(row, 1);
    destinations.available.set(row, 1);
  }
  for (const { destination } of used) restartCounters(memory, destination.row, counted(destination.row));
}

/**
 * A slot of serviceTable gets a new owner: removed servers of the one before count from zero if they come back to a
 * service of the same name, and are nobody's otherwise.
 */
function forget(memory: DirectorMemory, service: DraftService, row: number, counted: CounterValues): void {
  const { services, destinations } = memory;
  const former = services.kind.get(service.row) === 0 ? null : identityAt(memory, service.row);
  const same = former !== null && serviceNumber(former) === serviceNumber(service.identity);
  restartCounters(memory, row, counted);
  if (!same) destinations.service.set(row, 0);
}

function placeService(memory: DirectorMemory, service: DraftService): void {
  const { services } = memory;
  const { row, identity } = service;
  services.kind.set(row, identity.kind);
  services.address.set(row, identity.address);
  services.port.set(row, identity.port);
  services.protocol.set(row, identity.protocol);
  services.cursor.set(row, 0n);
  services.pool.set(row, nextPool(service));
  services.inUse.set(row, 1);
  clearRetired(memory, row);
}

/** Each service comes into being, or goes, in one step of the map. */
function publishServices(memory: DirectorMemory, { added, deleted }: Plan): void {
  const handle = memory.plane.map(serviceMap);
  if (deleted.length > 0) handle.deleteMany(encodeServiceKeys(deleted.map((service) => service.identity)));
  if (added.length > 0) {
    const { keys, values } = encodeServices(added, memory.settings.epoch.get(0));
    handle.updateMany(keys, values);
  }
}

/** The stores that publish a service's new pool and the new settings of servers in use. */
function changesOf(memory: DirectorMemory, service: DraftService): Change[] {
  const { destinations } = memory;
  const changes: Change[] = [{ field: "pool", row: service.row, value: nextPool(service) }];
  const before = new Map(service.publishedList.map((each) => [each.row, each]));
  for (const { row, edited, settings, lastWeight } of service.list) {
    if (!edited || !before.has(row)) continue;
    for (const field of SETTINGS) {
      const value = settings[field];
      if (destinations[field].get(row) !== value) changes.push({ field, row, value });
    }
    if (destinations.lastWeight.get(row) !== lastWeight) {
      changes.push({ field: "lastWeight", row, value: lastWeight });
    }
  }
  return changes;
}

function timeoutChanges({ timeouts, memory }: Draft): Change[] {
  const seconds = [timeouts.tcp, timeouts.tcpFin, timeouts.udp];
  return SETTABLE_STATES.flatMap((state, index): Change[] => {
    const value = seconds[index];
    if (value === undefined || memory.settings.timeouts[state]!.get(0) === ticksOf(value)) return [];
    return [{ field: "timeout", row: state, value: ticksOf(value) }];
  });
}

function sysctlChanges({ sysctls, memory }: Draft): Change[] {
  return [...sysctls]
    .filter(([index, word]) => memory.settings.sysctls[index]!.get(0) !== word)
    .map(([index, word]) => ({ field: "sysctl", row: index, value: word }));
}

/** What follows from the publication: servers no list names any more, what they had counted, freed slots. */
function retire(memory: DirectorMemory, { altered, deleted, coming, leaving }: Plan): void {
  const { destinations, services } = memory;
  for (const { destination } of leaving) destinations.available.set(destination.row, 0);
  const surviving = new Set(altered);
  const left = leaving.filter(({ service }) => surviving.has(service));
  const back = coming.filter(({ destination }) => !destination.fresh && !destination.restarted);
  const counted = readCounted(
    memory,
    [...left, ...back].map(({ destination }) => destination.row),
  );
  for (const [list, sign] of [
    [left, 1n],
    [back, -1n],
  ] as const) {
    for (const { service, destination } of list) {
      const shown = shownCounters(memory, destination.row, counted(destination.row));
      addRetired(memory, service.row, shown, sign);
    }
  }
  for (const { destination } of leaving) {
    if (memory.connectionsOf(destination.row) === 0) destinations.inUse.set(destination.row, 0);
  }
  for (const service of altered) if (service.cursorVoid) services.cursor.set(service.row, 0n);
  for (const service of deleted) services.inUse.set(service.row, 0);
}

/** Lets the counters of these services and of their servers begin at zero. */
function zeroServices(memory: DirectorMemory, rows: ReadonlySet<number>): void {
  const { services, pools, members } = memory;
  const servers: number[] = [];
  for (const row of rows) {
    const pool = services.pool.get(row);
    const start = pools.start.get(pool);
    for (let index = start; index < start + pools.count.get(pool); index++) {
      servers.push(members.destination.get(index));
    }
  }
  const counted = readCounted(memory, servers);
  for (const row of servers) restartCounters(memory, row, counted(row));
  for (const row of rows) clearRetired(memory, row);
}
