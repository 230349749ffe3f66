/** Services and servers as they will be: what commands change before anything is written. */

import { currentWeightAfterEdit, highestStep } from "../../kernel/schedule/wrr-weight.ts";
import { SCHEDULER_WRR } from "../../kernel/tables.ts";
import { endpointNumber, type ServiceIdentity } from "./identity.ts";
import { NO_WEIGHTS, summarise, type WeightSummary, withWeight } from "./weights.ts";

/** Lists longer than this get an index. */
const INDEX_FROM = 16;

/** A server of a service. */
export interface DraftDestination {
  readonly address: number;
  readonly port: number;
  /** Slot of destinationTable; 0: not decided yet. */
  row: number;
  forward: number;
  weight: number;
  upper: number;
  lower: number;
  /** Its slot does not hold it yet. */
  readonly fresh: boolean;
  /** Its thresholds or forwarding method differ from the table's. */
  edited: boolean;
  /** Its counters begin anew. */
  restarted: boolean;
}

/** What commands say about a server. */
export type DestinationSettings = Pick<DraftDestination, "forward" | "weight" | "upper" | "lower">;

export function newDestination(
  address: number,
  port: number,
  settings: DestinationSettings,
): DraftDestination {
  return {
    address,
    port,
    row: 0,
    ...settings,
    fresh: true,
    edited: false,
    restarted: true,
  };
}

/** Overwrites a server's settings, as a command does for one that exists or that comes back. */
export function editDestination(destination: DraftDestination, settings: DestinationSettings): void {
  const { forward, weight, upper, lower } = settings;
  const differs =
    destination.forward !== forward || destination.upper !== upper || destination.lower !== lower;
  destination.edited ||= differs;
  destination.forward = forward;
  destination.weight = weight;
  destination.upper = upper;
  destination.lower = lower;
}

/** Where the scheduler of a service stands when the draft begins. */
export interface SchedulerPosition {
  /** Weighted round robin's current weight; 0: none yet. */
  readonly currentWeight: number;
  /** Round robin: the server last chosen, or null: begins at the head. */
  readonly last: DraftDestination | null;
}

/** A service with its list. */
export class DraftService {
  readonly identity: ServiceIdentity;
  /** Slot of serviceTable; 0: not decided yet. */
  row: number;
  /** The pool it has now; null for a new service. */
  readonly publishedPool: number | null;
  readonly publishedGeneration: number;
  scheduler: number;
  flags: number;
  changed: boolean;
  /** The scheduler is another one: its cursor means nothing to this one. */
  cursorVoid = false;
  /** The published list, in IPVS's order. */
  readonly publishedList: readonly DraftDestination[];
  /** Weighted round robin's current weight. */
  currentWeight: number;
  /** Round robin: the server to continue after; null: begin at the head. */
  last: DraftDestination | null;
  /** The list, oldest first: the reverse of IPVS's order, so that adding is a push. */
  readonly #oldestFirst: DraftDestination[];
  #index: Map<number, DraftDestination> | undefined;
  #weights: WeightSummary | undefined;

  constructor(
    identity: ServiceIdentity,
    settings: { readonly scheduler: number; readonly flags: number },
    published?: {
      readonly row: number;
      readonly pool: number;
      readonly generation: number;
      /** In IPVS's order. */
      readonly list: readonly DraftDestination[];
      readonly position: SchedulerPosition;
    },
  ) {
    this.identity = identity;
    this.scheduler = settings.scheduler;
    this.flags = settings.flags;
    this.row = published?.row ?? 0;
    this.publishedPool = published?.pool ?? null;
    this.publishedGeneration = published?.generation ?? 0;
    this.changed = published === undefined;
    this.publishedList = published?.list ?? [];
    this.#oldestFirst = this.publishedList.toReversed();
    this.currentWeight = published?.position.currentWeight ?? 0;
    this.last = published?.position.last ?? null;
  }

  get size(): number {
    return this.#oldestFirst.length;
  }

  /** The list in IPVS's order: the server added last comes first. */
  get list(): DraftDestination[] {
    return this.#oldestFirst.toReversed();
  }

  get weights(): WeightSummary {
    this.#weights ??= summarise(this.#oldestFirst.map((each) => each.weight));
    return this.#weights;
  }

  find(address: number, port: number): DraftDestination | null {
    if (this.#oldestFirst.length <= INDEX_FROM) {
      return this.#oldestFirst.find((each) => each.address === address && each.port === port) ?? null;
    }
    this.#index ??= new Map(this.#oldestFirst.map((each) => [endpointNumber(each.address, each.port), each]));
    return this.#index.get(endpointNumber(address, port)) ?? null;
  }

  /** Puts a server at the head of the list. */
  add(destination: DraftDestination): void {
    const weights = withWeight(this.weights, destination.weight);
    this.#oldestFirst.push(destination);
    this.#index?.set(endpointNumber(destination.address, destination.port), destination);
    this.#listChanged(weights);
  }

  /** Changes a server of the list in place. */
  edit(destination: DraftDestination, settings: DestinationSettings): void {
    editDestination(destination, settings);
    this.#listChanged(undefined);
  }

  remove(destination: DraftDestination): void {
    const index = this.#oldestFirst.indexOf(destination);
    if (destination === this.last) this.last = this.#oldestFirst[index + 1] ?? null;
    this.#oldestFirst.splice(index, 1);
    this.#index?.delete(endpointNumber(destination.address, destination.port));
    this.#listChanged(this.size === 0 ? NO_WEIGHTS : undefined);
  }

  /** Gives the service other settings. A scheduler that is not the present one begins from nothing. */
  configure(scheduler: number, flags: number): void {
    this.changed = true;
    this.flags = flags;
    if (scheduler === this.scheduler) return;
    this.scheduler = scheduler;
    this.cursorVoid = true;
    this.last = null;
    const { maximum, divisor } = this.weights;
    this.currentWeight = scheduler === SCHEDULER_WRR ? highestStep(maximum, divisor) : 0;
  }

  #listChanged(weights: WeightSummary | undefined): void {
    this.changed = true;
    this.#weights = weights;
    if (this.scheduler === SCHEDULER_WRR) {
      const { maximum, divisor } = this.weights;
      this.currentWeight = currentWeightAfterEdit(this.currentWeight, maximum, divisor);
    }
  }
}
