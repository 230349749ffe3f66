/** What the host's own addresses mean for servers: which are its own, and from which address it reaches the others. */
import { FORWARD_FULLNAT, FORWARD_LOCAL, FORWARD_TUNNEL } from "../../kernel/tables.ts";
import type { AddressNumber } from "../configuration/address.ts";
import type { DirectorMemory } from "../memory/director-memory.ts";

/** Writes it for a server that comes into use. */
export function placeAddresses(memory: DirectorMemory, row: number): void {
  const { destinations } = memory;
  const address = addressAt(memory, row);
  const isLocal = isLocalServer(memory, row, address) ? 1 : 0;
  if (destinations.isLocal.get(row) !== isLocal) destinations.isLocal.set(row, isLocal);
  const source = sourceOf(memory, row, address);
  if (destinations.source.get(row, typeof address === "bigint") !== source) {
    destinations.source.set(row, source);
  }
}

/** Brings servers in use up to date. */
export function refreshAddresses(memory: DirectorMemory, rows: Iterable<number>): void {
  for (const row of rows) placeAddresses(memory, row);
}

/** Whether packets for the server in that slot are for the director itself. */
export function isLocalServer(memory: DirectorMemory, row: number, address: AddressNumber): boolean {
  return memory.destinations.forward.get(row) === FORWARD_LOCAL || memory.plane.isLocalAddress(address);
}

/**
 * Only tunnels and FullNAT ask for it; 0 for the others. A server that once was reached by one of them keeps having one: connections
 * that were made then keep their method.
 */
function sourceOf(memory: DirectorMemory, row: number, address: AddressNumber): AddressNumber {
  const nothing = typeof address === "bigint" ? 0n : 0;
  const { forward, source } = memory.destinations;
  const method = forward.get(row);
  const isAskedFor = method === FORWARD_TUNNEL || method === FORWARD_FULLNAT;
  if (!isAskedFor && source.get(row, typeof address === "bigint") === nothing) return nothing;
  return memory.plane.sourceTowards(address) ?? nothing;
}

/** The address of the server in that slot. */
export function addressAt({ destinations }: DirectorMemory, row: number): AddressNumber {
  return destinations.address.get(row, destinations.family.get(row) === 6);
}
