/**
 * The map `servers`, which follows from the configuration: which service a masqueraded server's port belongs to. Servers
 * that get their packets otherwise do not answer through the director, or not from there.
 */
import {
  FORWARD_MASQ,
  PROTOCOL_ANY,
  PROTOCOL_SCTP,
  PROTOCOL_TCP,
  PROTOCOL_UDP,
  servers,
} from "../../kernel/tables.ts";
import type { AddressNumber, NumberKey } from "../configuration/address.ts";
import { protocolEndpointNumber } from "../configuration/identity.ts";
import { identityAt } from "../configuration/published.ts";
import type { DirectorMemory } from "../memory/director-memory.ts";
import { encodeServerKeys, encodeServers, type ServerElement } from "../memory/hash-entries.ts";
import { addressAt } from "./addresses.ts";

/** The entry of the server in slot `row`. */
export function serverElement(memory: DirectorMemory, row: number): ServerElement {
  const { port, service } = memory.destinations;
  const identity = identityAt(memory, service.get(row));
  return {
    address: addressAt(memory, row),
    port: port.get(row) === 0 ? identity.port : port.get(row),
    service: identity,
    destination: row,
  };
}

/** Brings the map up to date after some servers came into use and others went out of it. */
export function updateServers(
  memory: DirectorMemory,
  came: readonly number[],
  went: readonly number[],
): void {
  const handle = memory.plane.map(servers);
  const wanted = new Map<NumberKey, ServerElement>();
  const gone = new Map<NumberKey, ServerElement>();
  for (const row of went) {
    const element = serverElement(memory, row);
    gone.set(elementNumber(element), element);
  }
  if (gone.size > 0) {
    for (const row of availableRows(memory)) {
      const { port, service } = memory.destinations;
      if (!isMasqueraded(memory, row)) continue;
      const plausible = port.get(row) === 0 || mayBe(gone, addressAt(memory, row), port.get(row));
      if (!plausible || service.get(row) === 0) continue;
      const element = serverElement(memory, row);
      if (gone.delete(elementNumber(element))) wanted.set(elementNumber(element), element);
    }
  }
  for (const row of came) {
    if (!isMasqueraded(memory, row)) continue;
    const element = serverElement(memory, row);
    gone.delete(elementNumber(element));
    wanted.set(elementNumber(element), element);
  }
  if (wanted.size > 0) {
    const { keys, values } = encodeServers([...wanted.values()]);
    handle.updateMany(keys, values);
  }
  if (gone.size > 0) handle.deleteMany(encodeServerKeys([...gone.values()]));
}

/** Writes the whole map anew. */
export function rebuildServers(memory: DirectorMemory): void {
  const handle = memory.plane.map(servers);
  const wanted = new Map<NumberKey, ServerElement>();
  for (const row of availableRows(memory)) {
    if (!isMasqueraded(memory, row)) continue;
    const element = serverElement(memory, row);
    wanted.set(elementNumber(element), element);
  }
  const { keys, values } = encodeServers([...wanted.values()]);
  const stale = staleKeys(handle.readAll().keys, keys, handle.keySize);
  if (stale.length > 0) handle.deleteMany(stale);
  if (keys.length > 0) handle.updateMany(keys, values);
}

/** Slots of the servers in use. */
export function* availableRows(memory: DirectorMemory): Iterable<number> {
  const { available } = memory.destinations;
  const end = memory.settings.destinationEnd.get(0);
  for (let row = 1; row < end; row++) if (available.get(row) !== 0) yield row;
}

function isMasqueraded({ destinations }: DirectorMemory, row: number): boolean {
  return destinations.forward.get(row) === FORWARD_MASQ;
}

function elementNumber({ address, port, service }: ServerElement): NumberKey {
  return protocolEndpointNumber(address, port, service.protocol);
}

const PROTOCOLS = [PROTOCOL_ANY, PROTOCOL_TCP, PROTOCOL_UDP, PROTOCOL_SCTP] as const;

function mayBe(gone: ReadonlyMap<NumberKey, ServerElement>, address: AddressNumber, port: number): boolean {
  return PROTOCOLS.some((protocol) => gone.has(protocolEndpointNumber(address, port, protocol)));
}

/** The keys among `present` that are not among `wanted`. */
function staleKeys(present: Uint8Array, wanted: Uint8Array, size: number): Uint8Array {
  const keep = new Set<string>();
  for (let at = 0; at < wanted.length; at += size) keep.add(text(wanted, at, size));
  const stale: number[] = [];
  for (let at = 0; at < present.length; at += size) {
    if (!keep.has(text(present, at, size))) stale.push(...present.subarray(at, at + size));
  }
  return Uint8Array.from(stale);
}

function text(bytes: Uint8Array, at: number, size: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + at, size).toString("latin1");
}
