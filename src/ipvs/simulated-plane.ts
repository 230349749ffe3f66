import type { Machine, MapDefinition, MapHandle } from "../bpf/index.ts";
import { connectionTable } from "../kernel/tables.ts";
import {
  type AddressNumber,
  addressNumber,
  isLoopbackAddress,
  isUnicastByItself,
} from "./configuration/address.ts";
import type { Needs, Plane } from "./plane.ts";
import { initialise, TableAdministration } from "./table-administration.ts";

/** What the director's host would know. */
export interface SimulatedHost {
  /** Broadcast addresses of its networks. */
  readonly broadcasts?: readonly string[];
  /** Its own addresses. The first of a family is its source towards everyone. */
  readonly addresses?: readonly string[];
}

/**
 * A director in a simulated machine: for tests and for trying things without root. The datapath's program is not
 * chosen here: run the kernel functions on the machine.
 */
export class SimulatedPlane implements Plane {
  readonly machine: Machine;
  readonly #broadcasts: ReadonlySet<AddressNumber>;
  readonly #addresses: ReadonlySet<AddressNumber>;

  /** Sets up the tables of a fresh machine. */
  constructor(machine: Machine, host: SimulatedHost = {}) {
    this.machine = machine;
    this.#broadcasts = new Set((host.broadcasts ?? []).map(addressNumber));
    this.#addresses = new Set((host.addresses ?? []).map(addressNumber));
    initialise(this, { connections: machine.map(connectionTable).capacity, cpus: machine.cpus });
  }

  map(definition: MapDefinition): MapHandle {
    return this.machine.map(definition);
  }

  exists(_definition: MapDefinition): boolean {
    return true;
  }

  prepare(_changed: Needs, _whole: () => Needs): void {}

  settle(): void {}

  isUnicast(address: AddressNumber): boolean {
    if (this.isLocalAddress(address)) return true;
    return isUnicastByItself(address) && !this.#broadcasts.has(address);
  }

  isLocalAddress(address: AddressNumber): boolean {
    return isLoopbackAddress(address) || this.#addresses.has(address);
  }

  sourceTowards(address: AddressNumber): AddressNumber | null {
    for (const own of this.#addresses) if (typeof own === typeof address) return own;
    return null;
  }

  monotonicTime(): bigint {
    return this.machine.clock.now;
  }
}

/** The administration of a simulated director. */
export function simulatedAdministration(machine: Machine, host?: SimulatedHost): TableAdministration {
  return new TableAdministration(new SimulatedPlane(machine, host));
}
