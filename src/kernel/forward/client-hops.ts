// SPDX-License-Identifier: MIT OR GPL-2.0-only
/**
 * The ways to clients seen lately, for connections that have none yet: most clients open several connections, and only the
 * first reply of all of them has to ask the kernel. A direct-mapped table: each address has one place, on each CPU.
 */
import { copy, type u32 } from "../../bpf/index.ts";
import { clientHops, type NextHop } from "../tables.ts";

/** Places are numbers of so many bits. */
const MASK = 0xfff;

function placeOf(client: u32): u32 {
  return (client ^ (client >>> 12) ^ (client >>> 24)) & MASK;
}

/** Fills in `hop` if the way from the virtual address to the client is known and fresh. */
export function recall(hop: NextHop, client: u32, virtual: u32, now: u32): boolean {
  const known = clientHops.lookup(placeOf(client));
  if (known === null || known.client !== client) return false;
  if (known.virtual !== virtual || known.hop.checkAgain <= now) return false;
  copy(hop, known.hop);
  return true;
}

/** Keeps the way from a virtual address to a client. */
export function remember(hop: NextHop, client: u32, virtual: u32): void {
  const known = clientHops.lookup(placeOf(client));
  if (known === null) return;
  known.virtual = virtual;
  copy(known.hop, hop);
  known.client = client;
}
