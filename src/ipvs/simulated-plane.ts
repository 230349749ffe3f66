import type { Machine, MapDefinition, MapHandle } from "../bpf/index.ts";
import { connectionTable } from "../kernel/tables.ts";
import { addressNumber, isUnicastByItself } from "./configuration/identity.ts";
import type { Needs, Plane } from "./plane.ts";
import { initialise, TableAdministration } from "./table-administration.ts";

/** What the director's host would know. */
export interface SimulatedHost {
  /** Broadcast addresses of its networks. */
  readonly broadcasts?: readonly string[];
}

/**
 * A director in a simulated machine: for tests and for trying things without root. The datapath's program is not
 * chosen here: run the kernel functions on the machine.
 */
export class SimulatedPlane implements Plane {
  readonly machine: Machine;
  readonly #broadcasts: ReadonlySet<number>;

  /** Sets up the tables of a fresh machine. */
  constructor(machine: Machine, host: SimulatedHost = {}) {
    this.machine = machine;
    this.#broadcasts = new Set((host.broadcasts ?? []).map(addressNumber));
    initialise(this, { connections: machine.map(connectionTable).capacity, cpus: machine.cpus });
  }

  map(definition: MapDefinition): MapHandle {
    return this.machine.map(definition);
  }

  prepare(_changed: Needs, _whole: () => Needs): void {}

  settle(): void {}

  isUnicast(address: number): boolean {
    return isUnicastByItself(address) && !this.#broadcasts.has(address);
  }

  monotonicTime(): bigint {
    return this.machine.clock.now;
  }
}

/** The administration of a simulated director. */
export function simulatedAdministration(machine: Machine, host?: SimulatedHost): TableAdministration {
  return new TableAdministration(new SimulatedPlane(machine, host));
}
