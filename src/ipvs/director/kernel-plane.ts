import type { MapDefinition, MapHandle } from "../../bpf/index.ts";
import type { AddressNumber } from "../configuration/address.ts";
import type { Needs, Plane } from "../plane.ts";
import type { Datapath } from "./datapath.ts";
import { HostAddresses } from "./host-addresses.ts";
import type { PinnedTables } from "./pinned-tables.ts";

/** The director of the calling thread's network namespace, in the kernel. */
export class KernelPlane implements Plane {
  readonly #tables: PinnedTables;
  readonly #datapath: Datapath;
  readonly #awaitRuns: () => void;
  readonly #addresses = new HostAddresses();

  constructor(tables: PinnedTables, datapath: Datapath, awaitRuns: () => void) {
    this.#tables = tables;
    this.#datapath = datapath;
    this.#awaitRuns = awaitRuns;
  }

  map(definition: MapDefinition): MapHandle {
    return this.#tables.map(definition);
  }

  exists(definition: MapDefinition): boolean {
    return this.#tables.exists(definition);
  }

  prepare(changed: Needs, whole: () => Needs): void {
    this.#datapath.ensure(changed, whole);
  }

  settle(): void {
    this.#awaitRuns();
    this.#addresses.forget();
  }

  isUnicast(address: AddressNumber): boolean {
    return this.#addresses.isUnicast(address);
  }

  isLocalAddress(address: AddressNumber): boolean {
    return this.#addresses.isOwn(address);
  }

  sourceTowards(address: AddressNumber): AddressNumber | null {
    return this.#addresses.towards(address);
  }

  monotonicTime(): bigint {
    return process.hrtime.bigint();
  }
}
