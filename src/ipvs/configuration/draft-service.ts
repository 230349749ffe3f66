/** Services and servers as they will be: what commands change before anything is written. */

import { currentWeightAfterEdit, highestStep } from "../../kernel/schedule/wrr-weight.ts";
import { SCHEDULER_WRR } from "../../kernel/tables.ts";
import type { AddressNumber, NumberKey } from "./address.ts";
import { endpointNumber, type ServiceIdentity } from "./identity.ts";
import type { DestinationSettings, ServiceSettings } from "./settings.ts";
import { NO_WEIGHTS, summarise, type WeightSummary, withWeight } from "./weights.ts";

/** Lists longer than this get an index. */
const INDEX_FROM = 16;

/** A server of a service. */
export interface DraftDestination {
  readonly address: AddressNumber;
  readonly port: number;
  /** Slot of destinationTable; 0: not decided yet. */
  row: number;
  settings: DestinationSettings;
  /** The weight that it last had, not counting 0 unless it was added with it. */
  lastWeight: number;
  /** Its slot does not hold it yet. */
  readonly fresh: boolean;
  /** Its settings may differ from the table's. */
  edited: boolean;
  /** Its counters begin anew. */
  restarted: boolean;
}

export function newDestination(
  address: AddressNumber,
  port: number,
  settings: DestinationSettings,
): DraftDestination {
  const lastWeight = settings.weight;
  return { address, port, row: 0, settings, lastWeight, fresh: true, edited: false, restarted: true };
}

/** Gives settings to a server that comes back. */
export function restoreDestination(destination: DraftDestination, settings: DestinationSettings): void {
  destination.edited = true;
  destination.settings = settings;
  destination.lastWeight = settings.weight;
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
  settings: ServiceSettings;
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
  #index: Map<NumberKey, DraftDestination> | undefined;
  #weights: WeightSummary | undefined;
  readonly #localAddresses: AddressNumber[];

  constructor(
    identity: ServiceIdentity,
    settings: ServiceSettings,
    published?: {
      readonly row: number;
      readonly pool: number;
      readonly generation: number;
      /** In IPVS's order. */
      readonly list: readonly DraftDestination[];
      readonly localAddresses: readonly AddressNumber[];
      readonly position: SchedulerPosition;
    },
  ) {
    this.identity = identity;
    this.settings = settings;
    this.#localAddresses = [...(published?.localAddresses ?? [])];
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
    this.#weights ??= summarise(this.#oldestFirst.map((each) => each.settings.weight));
    return this.#weights;
  }

  /** FullNAT's local addresses, in the order they were added. */
  get localAddresses(): readonly AddressNumber[] {
    return this.#localAddresses;
  }

  find(address: AddressNumber, port: number): DraftDestination | null {
    if (this.#oldestFirst.length <= INDEX_FROM) {
      return this.#oldestFirst.find((each) => each.address === address && each.port === port) ?? null;
    }
    this.#index ??= new Map(this.#oldestFirst.map((each) => [endpointNumber(each.address, each.port), each]));
    return this.#index.get(endpointNumber(address, port)) ?? null;
  }

  /** Puts a server at the head of the list. */
  add(destination: DraftDestination): void {
    const weights = withWeight(this.weights, destination.settings.weight);
    this.#oldestFirst.push(destination);
    this.#index?.set(endpointNumber(destination.address, destination.port), destination);
    this.#listChanged(weights);
  }

  /** Changes a server of the list in place. */
  edit(destination: DraftDestination, settings: DestinationSettings): void {
    destination.edited = true;
    destination.settings = settings;
    if (settings.weight !== 0) destination.lastWeight = settings.weight;
    this.#listChanged(undefined);
  }

  remove(destination: DraftDestination): void {
    const index = this.#oldestFirst.indexOf(destination);
    if (destination === this.last) this.last = this.#oldestFirst[index + 1] ?? null;
    this.#oldestFirst.splice(index, 1);
    this.#index?.delete(endpointNumber(destination.address, destination.port));
    this.#listChanged(this.size === 0 ? NO_WEIGHTS : undefined);
  }

  addLocalAddress(address: AddressNumber): void {
    this.changed = true;
    this.#localAddresses.push(address);
  }

  removeLocalAddress(address: AddressNumber): void {
    this.changed = true;
    this.#localAddresses.splice(this.#localAddresses.indexOf(address), 1);
  }

  /** Gives the service other settings. A scheduler that is not the present one begins from nothing. */
  configure(settings: ServiceSettings): void {
    const before = this.settings.scheduler;
    this.changed = true;
    this.settings = settings;
    if (settings.scheduler === before) return;
    this.cursorVoid = true;
    this.last = null;
    const { maximum, divisor } = this.weights;
    this.currentWeight = settings.scheduler === SCHEDULER_WRR ? highestStep(maximum, divisor) : 0;
  }

  #listChanged(weights: WeightSummary | undefined): void {
    this.changed = true;
    this.#weights = weights;
    if (this.settings.scheduler === SCHEDULER_WRR) {
      const { maximum, divisor } = this.weights;
      this.currentWeight = currentWeightAfterEdit(this.currentWeight, maximum, divisor);
    }
  }
}
