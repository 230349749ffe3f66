/** The tables of the schedulers that hash (sh, dh, mh): what is in them, and where they are. */
import { HASH_BUCKETS } from "../../kernel/schedule/bucket.ts";
import { dhBuckets, maglevAddress, mhBuckets, shBuckets } from "../../kernel/schedule/buckets.ts";
import { MAGLEV_BUCKETS } from "../../kernel/schedule/mh.ts";
import { SCHEDULER_DH, SCHEDULER_MH, SCHEDULER_SH } from "../../kernel/tables.ts";
import { type AddressNumber, wordOf } from "../configuration/address.ts";
import type { DraftService } from "../configuration/draft-service.ts";
import { familyOfService } from "../configuration/identity.ts";
import type { DirectorMemory } from "../memory/director-memory.ts";

/** How many buckets a scheduler's table has; 0: it has none. */
export function bucketsOf(scheduler: number): number {
  if (scheduler === SCHEDULER_MH) return MAGLEV_BUCKETS;
  return scheduler === SCHEDULER_SH || scheduler === SCHEDULER_DH ? HASH_BUCKETS : 0;
}

/** Writes a service's table to its range, where nobody reads it yet. The servers must have their slots. */
export function buildBuckets(memory: DirectorMemory, service: DraftService, start: number): void {
  const contents = contentsOf(service);
  const { destination } = memory.buckets;
  for (const [index, row] of contents.entries()) {
    if (destination.get(start + index) !== row) destination.set(start + index, row);
  }
}

function contentsOf({ identity, settings, list }: DraftService): Uint16Array {
  const family = familyOfService(identity.kind);
  const members = list.map(({ row, port, address, settings: { weight }, lastWeight }) => ({
    destination: row,
    weight,
    address: maglevAddress(wordsOf(address), family),
    port,
    lastWeight,
  }));
  if (settings.scheduler === SCHEDULER_MH) return mhBuckets(members);
  return settings.scheduler === SCHEDULER_SH ? shBuckets(members) : dhBuckets(members);
}

function wordsOf(address: AddressNumber): number[] {
  return typeof address === "number" ? [address, 0, 0, 0] : [0, 1, 2, 3].map((word) => wordOf(address, word));
}
