/** Where changed services' lists and tables go: ranges that nobody reads, all found before anything is written. */
import type { DraftService } from "../configuration/draft-service.ts";
import { FreeRanges } from "../configuration/slots.ts";
import type { DirectorMemory } from "../memory/director-memory.ts";
import { bucketsOf } from "./buckets.ts";

/** The ranges of one service; 0 where it has no elements. */
export interface Room {
  readonly members: number;
  readonly buckets: number;
  readonly localAddresses: number;
}

/** A table has no room for what is to be written. Nothing is yet. */
export class NoRoom extends Error {
  override readonly name = "NoRoom";
}

/** Finds room for services, and for the journal. */
export class RoomFinder {
  readonly #memory: DirectorMemory;
  readonly #members: FreeRanges;
  #buckets: FreeRanges | undefined;
  #localAddresses: FreeRanges | undefined;

  constructor(memory: DirectorMemory) {
    this.#memory = memory;
    this.#members = FreeRanges.ofMembers(memory);
  }

  /** Throws NoRoom. */
  take(service: DraftService): Room {
    return {
      members: taken(this.#members, service.size, `a list of ${service.size} servers in the members table`),
      buckets: this.#takeBuckets(bucketsOf(service.settings.scheduler)),
      localAddresses: this.#takeLocalAddresses(service.localAddresses.length),
    };
  }

  /** Where in the members table so many changes may be written down. Throws NoRoom. */
  takeJournal(count: number): number {
    return taken(this.#members, count, `${count} changes at once in the members table`);
  }

  #takeBuckets(count: number): number {
    if (count === 0) return 0;
    this.#buckets ??= FreeRanges.ofBuckets(this.#memory, bucketsOf);
    const { capacity } = this.#memory.buckets;
    return taken(this.#buckets, count, `a table of ${count} in the buckets of sh, dh and mh (${capacity})`);
  }

  #takeLocalAddresses(count: number): number {
    if (count === 0) return 0;
    this.#localAddresses ??= FreeRanges.ofLocalAddresses(this.#memory);
    const { capacity } = this.#memory.localAddresses;
    return taken(this.#localAddresses, count, `${count} more in the table of local addresses (${capacity})`);
  }
}

function taken(ranges: FreeRanges, count: number, what: string): number {
  const start = ranges.take(count);
  if (start >= 0) return start;
  throw new NoRoom(`there is no room for ${what}`);
}
