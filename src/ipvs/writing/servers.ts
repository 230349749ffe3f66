/** The map `servers`, which follows from the configuration: which service a server's port belongs to. */
import { servers } from "../../kernel/tables.ts";
import { endpointNumber } from "../configuration/identity.ts";
import { identityAt } from "../configuration/published.ts";
import type { DirectorMemory } from "../memory/director-memory.ts";
import { encodeServerKeys, encodeServers, type ServerElement } from "../memory/hash-entries.ts";

/** The entry of the server in slot `row`. */
export function serverElement(memory: DirectorMemory, row: number): ServerElement {
  const { address, port, service } = memory.destinations;
  const identity = identityAt(memory, service.get(row));
  return {
    address: address.get(row),
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
  const wanted = new Map<number, ServerElement>();
  const gone = new Map<number, ServerElement>();
  for (const row of went) {
    const element = serverElement(memory, row);
    gone.set(elementNumber(element), element);
  }
  if (gone.size > 0) {
    for (const row of availableRows(memory)) {
      const { address, port, service } = memory.destinations;
      const plausible = port.get(row) === 0 || mayBe(gone, address.get(row), port.get(row));
      if (!plausible || service.get(row) === 0) continue;
      const element = serverElement(memory, row);
      if (gone.delete(elementNumber(element))) wanted.set(elementNumber(element), element);
    }
  }
  for (const row of came) {
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
  const wanted = new Map<number, ServerElement>();
  for (const row of availableRows(memory)) {
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

function elementNumber(element: ServerElement): number {
  return endpointNumber(element.address, element.port) * 2 + (element.service.protocol & 1);
}

function mayBe(gone: ReadonlyMap<number, ServerElement>, address: number, port: number): boolean {
  const number = endpointNumber(address, port) * 2;
  return gone.has(number) || gone.has(number + 1);
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
