/** A scheduler's choice: the numbers that its own code said it compared. */
import { takesConnections } from "../../kernel/schedule/member.ts";
import { lighterOf } from "../../kernel/schedule/twos.ts";
import { isOverloaded } from "../../kernel/state/activity.ts";
import { SCHEDULER_FLAG_1, SCHEDULER_FLAG_2, type VirtualService } from "../model.ts";
import type { Candidate, ExplainedServer, Step } from "./model.ts";
import type { PoolMember, Reading } from "./reading.ts";
import type { Fact } from "./simulation.ts";

type ScheduleStep = Extract<Step, { step: "schedule" }>;

/** What a choice is told from. */
export interface Choice {
  /** The tables before. */
  readonly before: Reading;
  /** The service's slot. */
  readonly service: number;
  /** What was said from the beginning of the choice to its end. */
  readonly facts: readonly Fact[];
  /** The chosen server's slot; 0: none. */
  readonly chosen: number;
  /** Runs kernel functions on the tables as they were. */
  readonly run: <T>(body: () => T) => T;
}

export function scheduleStep(choice: Choice): ScheduleStep {
  const { before, service, chosen } = choice;
  const settings = before.service(service);
  const isConsistent = choice.facts.some(({ what }) => what === "drawn");
  const random = settings.scheduler === "twos" && !isConsistent;
  const pool = before.members(service);
  const chances = random ? chancesOf(choice, pool) : null;
  const compared = comparedOf(choice.facts);
  const full = new Set(choice.facts.filter(({ what }) => what === "full").map(({ values }) => values[0]));
  const candidates = pool.map(
    (member): Candidate => ({
      server: before.server(member.slot),
      weight: member.weight,
      active: member.server.active,
      inactive: member.server.inactive,
      excluded: exclusion(member, full.has(member.slot)),
      compared: compared.get(member.slot) ?? null,
      chance: chances === null ? null : (chances.get(member.slot) ?? 0),
      chosen: member.slot === chosen,
    }),
  );
  return {
    step: "schedule",
    scheduler: isConsistent ? "consistent-hash" : settings.scheduler,
    candidates,
    chosen: chosen === 0 ? null : before.server(chosen),
    random,
    how: isConsistent ? CONSISTENT : wordsFor(settings, choice, pool),
  };
}

function exclusion({ weight, server }: PoolMember, isFull: boolean): Candidate["excluded"] {
  if (server.available === 0) return "gone";
  if (weight === 0) return "weight 0";
  if (isOverloaded(server)) return "overloaded";
  return isFull ? "full" : null;
}

/** What was compared of each server. */
function comparedOf(facts: readonly Fact[]): Map<number, NonNullable<Candidate["compared"]>> {
  const found = new Map<number, NonNullable<Candidate["compared"]>>();
  for (const { what, values } of facts) {
    const [server = 0, load = 0, divisor = 1] = values;
    if (what === "load" || what === "drawn") found.set(server, { load, divisor });
  }
  return found;
}

/** How probable each member is where two are drawn: `lighterOf`, asked about every pair. */
function chancesOf({ run }: Choice, pool: readonly PoolMember[]): Map<number, number> {
  return run(() => {
    const usable = pool.filter(({ slot, weight }) => weight > 0 && takesConnections(slot));
    const total = usable.reduce((sum, { weight }) => sum + weight, 0);
    const chances = new Map<number, number>();
    for (const first of usable) {
      for (const second of usable) {
        const winner = lighterOf(first.slot, first.weight, second.slot, second.weight);
        const probability = (first.weight / total) * (second.weight / total);
        chances.set(winner, (chances.get(winner) ?? 0) + probability);
      }
    }
    return chances;
  });
}

/**
 * The numbers that `random` must give for both lots of `twos` to fall on a member, so that it is chosen. Null if that
 * cannot be.
 */
export function drawsFor({ run, before, service }: Omit<Choice, "facts" | "chosen">, chosen: number) {
  return run(() => {
    let below = 0n;
    for (const { slot, weight } of before.members(service)) {
      const isUsable = weight > 0 && takesConnections(slot);
      if (slot === chosen) {
        const lot = [Number(below >> 32n), Number(below & 0xffffffffn)];
        return isUsable ? [...lot, ...lot] : null;
      }
      if (isUsable) below += BigInt(weight);
    }
    return null;
  });
}

const CONSISTENT =
  "the connection table was full a short time ago, so a datagram may be one of a flow without a connection: a hash of the flow decides";

function text({ family, address, port }: ExplainedServer): string {
  return family === 6 ? `[${address}]:${port}` : `${address}:${port}`;
}

function wordsFor(
  { scheduler, schedulerFlags }: VirtualService,
  { facts, before, chosen }: Choice,
  pool: readonly PoolMember[],
): string {
  const find = (what: string): readonly number[] | undefined =>
    facts.findLast((each) => each.what === what)?.values;
  const nameAt = (position: number): string => {
    const member = pool[position];
    return member === undefined ? "the beginning of the list" : text(before.server(member.slot));
  };
  switch (scheduler) {
    case "rr":
      return `the next one of the list after ${nameAt(find("turn")?.[0] ?? -1)}`;
    case "wrr": {
      const [from = 0, weight = 0, , reached = 0] = find("weighted-turn") ?? [];
      const round = reached === weight ? "" : `; in this round there is none, in the next it is ${reached}`;
      return `from place ${from + 1} of the list on, the first that weighs at least the round's current weight, ${weight}${round}`;
    }
    case "lc":
      return "the least connections: active × 256 + inactive";
    case "wlc":
      return "the least connections for its weight: (active × 256 + inactive) / weight";
    case "sed":
      return "the shortest expected delay: (active + 1) / weight";
    case "nq":
      return find("idle") !== undefined
        ? "the first that has no active connection"
        : "none is idle: the shortest expected delay, (active + 1) / weight";
    case "fo":
      return "the greatest weight";
    case "ovf":
      return "the greatest weight among those that have no more active connections than their weight";
    case "twos":
      return "two are drawn by lot, with the chances of their weights; the one with the lesser (active × 256 + inactive) / weight is chosen. Lots cannot be foretold";
    case "sh":
    case "mh":
    case "dh": {
      const buckets = facts.filter((each) => each.what === "bucket");
      const hashed =
        scheduler === "dh"
          ? "the virtual address"
          : `the client's address${(schedulerFlags & SCHEDULER_FLAG_2) === 0 ? "" : " and port"}`;
      const first = `${hashed} hashes to bucket ${buckets[0]?.values[0] ?? 0}`;
      if (buckets.length <= 1 || scheduler === "dh") {
        const [, owner = 0] = buckets[0]?.values ?? [];
        const why = chosen !== 0 ? "" : owner === 0 ? ", which is nobody's" : ", whose server takes none";
        const hint = chosen !== 0 || (schedulerFlags & SCHEDULER_FLAG_1) !== 0 || scheduler === "dh";
        return `${first}${why}${hint ? "" : `; ${scheduler}-fallback would look further`}`;
      }
      return `${first}, whose server takes none; fallback: try ${buckets.length - 1}, bucket ${buckets.at(-1)!.values[0]}`;
    }
    default: {
      const [kept] = find("remembered") ?? [];
      const least =
        "the least connections for its weight: (active × 256 + inactive) / weight, which is remembered for the virtual address";
      if (kept === undefined || kept === 0) return least;
      const name = text(before.server(kept));
      if (kept === chosen && comparedOf(facts).size === 0)
        return `${name} is remembered for the virtual address`;
      return `${name} is remembered for the virtual address, but takes none now or is crowded; ${least}`;
    }
  }
}
