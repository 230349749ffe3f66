/** A service's list and settings, built aside. */
import { SCHEDULER_RR } from "../../kernel/tables.ts";
import type { DraftService } from "../configuration/draft-service.ts";
import type { DirectorMemory } from "../memory/director-memory.ts";
import { bucketsOf, buildBuckets } from "./buckets.ts";
import type { Room } from "./room.ts";

/** `Pool.resume`: begin at the head of the list. */
const FROM_THE_HEAD = 0xffff;
/** The bits of the generation that every scheduler's cursor holds. */
const GENERATION_MASK = 0x1_ffff;

/** The slot of the pool a service is to use next: of its two, the one not in use. */
export function nextPool(service: DraftService): number {
  return service.publishedPool === null ? 2 * service.row : service.publishedPool ^ 1;
}

/** Writes a service's pool and what belongs to it to their slots, where nobody reads them yet. */
export function buildPool(memory: DirectorMemory, service: DraftService, room: Room): void {
  const { members, pools } = memory;
  const pool = nextPool(service);
  const { list, settings, localAddresses, weights } = service;
  for (const [index, destination] of list.entries()) {
    members.destination.set(room.members + index, destination.row);
    members.weight.set(room.members + index, destination.settings.weight);
  }
  for (const [index, address] of localAddresses.entries()) {
    memory.localAddresses.address.set(room.localAddresses + index, address);
  }
  if (bucketsOf(settings.scheduler) > 0) buildBuckets(memory, service, room.buckets);
  const resume = settings.scheduler === SCHEDULER_RR && service.last ? list.indexOf(service.last) : -1;
  pools.scheduler.set(pool, settings.scheduler);
  pools.flags.set(pool, settings.flags);
  pools.persistence.set(pool, settings.persistence);
  pools.mask.set(pool, settings.mask);
  pools.bucketStart.set(pool, room.buckets);
  pools.localStart.set(pool, room.localAddresses);
  pools.localCount.set(pool, localAddresses.length);
  pools.generation.set(pool, nextGeneration(memory, service));
  pools.start.set(pool, room.members);
  pools.count.set(pool, list.length);
  pools.maximumWeight.set(pool, weights.maximum);
  pools.weightDivisor.set(pool, weights.divisor);
  pools.initialWeight.set(pool, service.currentWeight);
  pools.resume.set(pool, resume < 0 ? FROM_THE_HEAD : resume);
}

/** Another than any the slot's cursor may hold, and never one that looks like 0, which a new cursor holds. */
function nextGeneration({ pools }: DirectorMemory, service: DraftService): number {
  const own = [2 * service.row, 2 * service.row + 1].map((pool) => pools.generation.get(pool));
  const next = (Math.max(...own) + 1) >>> 0;
  return (next & GENERATION_MASK) === 0 ? next + 1 : next;
}
