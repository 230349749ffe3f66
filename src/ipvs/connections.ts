/** The connection table as people see it. */
import { SYSCTL_EXPIRE_NODEST_CONN } from "../kernel/sysctls.ts";
import * as tables from "../kernel/tables.ts";
import { type AddressNumber, addressText } from "./configuration/address.ts";
import { serviceKeyOf } from "./configuration/identity.ts";
import { identityAt } from "./configuration/published.ts";
import { methodOf } from "./configuration/settings.ts";
import { secondsOf, wholeSeconds } from "./configuration/timeouts.ts";
import type { DirectorMemory } from "./memory/director-memory.ts";
import type { ConnectionEntry, Endpoint, ServiceKey } from "./model.ts";

/** Bits of `Connection.state` of entries that no packet finds any more. */
const GONE = tables.STATE_REMOVED | tables.STATE_ENDED;

const PROTOCOL_NAMES: ReadonlyMap<number, string> = new Map([
  [tables.PROTOCOL_ANY, "IP"],
  [tables.PROTOCOL_ICMP, "ICMP"],
  [tables.PROTOCOL_TCP, "TCP"],
  [tables.PROTOCOL_UDP, "UDP"],
  [tables.PROTOCOL_ESP, "ESP"],
  [tables.PROTOCOL_AH, "AH"],
  [tables.PROTOCOL_ICMPV6, "ICMPv6"],
  [tables.PROTOCOL_SCTP, "SCTP"],
]);

/** The entries, in the order of their slots, each as it is when it is reached. */
export function* readConnections(memory: DirectorMemory): Iterable<ConnectionEntry> {
  for (const { entry } of readEntries(memory)) yield entry;
}

/** Ends the entries that match; how many there were. */
export function endConnections(
  memory: DirectorMemory,
  matching: (entry: ConnectionEntry) => boolean,
): number {
  let ended = 0;
  for (const { row, generation, entry } of readEntries(memory)) {
    if (matching(entry) && end(memory, row, generation)) ended += 1;
  }
  return ended;
}

/**
 * Ends the entries whose server is in no service any more, where sysctl expire_nodest_conn says so: as soon as it is removed, as Linux does
 * (seen with 6.1), not only when their next packets come.
 */
export function endOrphans(memory: DirectorMemory): void {
  const { connections, destinations, settings } = memory;
  if (settings.sysctls[SYSCTL_EXPIRE_NODEST_CONN]!.get(0) === 0) return;
  for (let row = 0; row < connections.capacity; row++) {
    if (connections.due.get(row) === 0) continue;
    const generation = generationOf(connections.state.get(row));
    const server = connections.destination.get(row);
    if (server !== 0 && destinations.available.get(server) === 0) end(memory, row, generation);
  }
}

/** Marks the entry that is in a slot since it got that generation as to be ended; whether it was there still. */
function end(memory: DirectorMemory, row: number, generation: number): boolean {
  const { connections } = memory;
  for (;;) {
    const state = connections.state.get(row);
    if (generationOf(state) !== generation || (state & GONE) !== 0) return false;
    // A packet may change the state at the same moment.
    if (connections.end(row, state, currentTick(memory))) return true;
  }
}

interface FoundEntry {
  readonly row: number;
  /** Tells the entry from others that were or will be in the slot. */
  readonly generation: number;
  readonly entry: ConnectionEntry;
}

function* readEntries(memory: DirectorMemory): Iterable<FoundEntry> {
  const { connections } = memory;
  for (let row = 0; row < connections.capacity; row++) {
    if (connections.due.get(row) === 0) continue;
    const state = connections.state.get(row);
    if ((state & tables.STATE_MASK) === 0 || (state & GONE) !== 0) continue;
    const entry = readEntry(memory, row, state);
    const generation = generationOf(state);
    // A slot that was freed or taken meanwhile may have been read half.
    const isWhole = generationOf(connections.state.get(row)) === generation;
    if (isWhole && connections.due.get(row) !== 0) yield { row, generation, entry };
  }
}

function generationOf(state: number): number {
  return state >>> tables.STATE_GENERATION_SHIFT;
}

function currentTick({ plane }: DirectorMemory): number {
  return Number(BigInt.asUintN(32, plane.monotonicTime() >> tables.TICK_SHIFT));
}

/** The entry in a slot, whether alive or not; null if the slot was never used. */
export function readEntryAt(memory: DirectorMemory, row: number): ConnectionEntry | null {
  const state = memory.connections.state.get(row);
  return (state & tables.STATE_MASK) === 0 ? null : readEntry(memory, row, state);
}

function readEntry(memory: DirectorMemory, row: number, state: number): ConnectionEntry {
  const { connections } = memory;
  const kind = connections.kind.get(row);
  const isTemplate = (kind & tables.KIND_TEMPLATE) !== 0;
  const callId = (kind & tables.KIND_ENGINE) === 0 ? null : connections.callIdOf(row);
  const end = (name: "client" | "virtual" | "local", port: number) =>
    endpoint(addressOf(memory, row, kind, name), port);
  // A template by Call-ID has its hash where others have the client.
  const source =
    callId === null
      ? end("client", connections.clientPort.get(row))
      : end((kind & tables.KIND_IPV6) === 0 ? "local" : "client", 0);
  const isFullNat = forwardOf(kind) === tables.FORWARD_FULLNAT && !isTemplate;
  const left = (connections.expires.get(row) - currentTick(memory)) | 0;
  return {
    template: isTemplate,
    protocol: protocolName(kind),
    state: tables.STATE_NAMES[state & tables.STATE_MASK] ?? "UNKNOWN",
    expires: wholeSeconds(Math.max(left, 0)),
    timeout: timeoutOf(memory, row, state, isTemplate),
    service: serviceOf(memory, row),
    method: methodOf(forwardOf(kind)),
    source,
    local: isFullNat ? end("local", connections.localPort.get(row)) : source,
    virtual: end("virtual", connections.virtualPort.get(row)),
    destination: endpoint(serverAddress(memory, row, kind), connections.serverPort.get(row)),
    engine: callId === null ? null : { name: "sip", data: callId },
  };
}

function forwardOf(kind: number): number {
  return (kind >>> tables.KIND_FORWARD_SHIFT) & 7;
}

/** Of IPv6 the connection itself holds only a word. */
function addressOf(
  { connections }: DirectorMemory,
  row: number,
  kind: number,
  name: "client" | "virtual" | "local" | "server",
): AddressNumber {
  const isIpv6 = (kind & tables.KIND_IPV6) !== 0;
  return isIpv6 ? (connections.wide?.[name].get(row, true) ?? 0n) : connections[name].get(row);
}

/** The server may be of the other family; its slot is its own as long as connections refer to it. */
function serverAddress(memory: DirectorMemory, row: number, kind: number): AddressNumber {
  const { address, family } = memory.destinations;
  const server = memory.connections.destination.get(row);
  if (server === 0) return addressOf(memory, row, kind, "server");
  return address.get(server, family.get(server) === 6);
}

/** The service that the entry's server belongs to, if both still exist. */
function serviceOf(memory: DirectorMemory, row: number): ServiceKey | null {
  const owner = ownerOf(memory, row);
  return owner === 0 ? null : serviceKeyOf(identityAt(memory, owner));
}

/** The slot of that service; 0: there is none. */
function ownerOf({ connections, destinations, services }: DirectorMemory, row: number): number {
  const server = connections.destination.get(row);
  const owner = server === 0 ? 0 : destinations.service.get(server);
  return owner !== 0 && services.inUse.get(owner) !== 0 ? owner : 0;
}

function timeoutOf(memory: DirectorMemory, row: number, state: number, isTemplate: boolean): number {
  if (!isTemplate) return secondsOf(memory.settings.timeouts[state & tables.STATE_MASK]!.get(0));
  const owner = ownerOf(memory, row);
  if (owner === 0) return 0;
  return secondsOf(memory.pools.persistence.get(memory.services.pool.get(owner)));
}

function endpoint(address: AddressNumber, port: number): Endpoint {
  return { family: typeof address === "bigint" ? 6 : 4, address: addressText(address), port };
}

/** As listings have it: that of a template of a service by mark is "IP", as such a service has none. */
function protocolName(kind: number): string {
  const isMarked = (kind & tables.KIND_MARK) !== 0;
  const protocol = isMarked ? tables.PROTOCOL_ANY : kind & tables.KIND_PROTOCOL;
  return PROTOCOL_NAMES.get(protocol) ?? `${protocol}`;
}
