/** Where changed services' lists and tables go: ranges that nobody reads, all found before anything is written. */
import type { DraftService } from "../configuration/draft-service.ts";
import { FreeRanges } from "../configuration/slots.ts";
import { IpvsError } from "../errors.ts";
import type { DirectorMemory } from "../memory/director-memory.ts";
import { bucketsOf } from "./buckets.ts";

/** The ranges of one service; 0 where it has no elements. */
export interface Room {
  readonly members: number;
  readonly buckets: number;
  readonly localAddresses: number;
}

/** Finds room for services, and for the journal. */
export class RoomFinder {
  readonly #memory: DirectorMemory;
  readonly members: FreeRanges;
  #buckets: FreeRanges | undefined;
  #localAddresses: FreeRanges | undefined;

  constructor(memory: DirectorMemory) {
    this.#memory = memory;
    this.members = FreeRanges.ofMembers(memory);
  }

  /** Throws IpvsError ENOSPC if a table is full. */
  take(service: DraftService): Room {
    return {
      members: taken(this.members, service.size, `a list of ${service.size} servers in the members table`),
      buckets: this.#takeBuckets(bucketsOf(service.settings.scheduler)),
      localAddresses: this.#takeLocalAddresses(service.localAddresses.length),
    };
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
  throw new IpvsError("ENOSPC", { operation: "open", message: `there is no room for ${what}` });
}
