import { DEFAULT_TIMEOUTS } from "../kernel/state/default-timeouts.ts";
import { defaultSysctls, formatSysctl, SYSCTLS } from "../kernel/sysctls.ts";
import { LAYOUT_VERSION, settings } from "../kernel/tables.ts";
import { AdministrationBase, type Command, type DirectorInfo } from "./administration.ts";
import { Draft } from "./configuration/draft.ts";
import { serviceIdentity, serviceNumber } from "./configuration/identity.ts";
import { readServiceSlots } from "./configuration/published.ts";
import { SETTABLE_STATES, secondsOf, ticksOf } from "./configuration/timeouts.ts";
import { endConnections, readConnections } from "./connections.ts";
import type { IpvsError } from "./errors.ts";
import { liveRows, readStatuses } from "./listing.ts";
import { DirectorMemory } from "./memory/director-memory.ts";
import type { ConnectionEntry, ServiceKey, ServiceStatus, SyncDaemon, Sysctl, Timeouts } from "./model.ts";
import type { Plane } from "./plane.ts";
import { refreshAddresses } from "./writing/addresses.ts";
import { applyCommands } from "./writing/apply.ts";
import { needsOfAll } from "./writing/needs.ts";
import { repair } from "./writing/repair.ts";
import { availableRows } from "./writing/servers.ts";

/** The version of the IPVS interface that is spoken. */
export const IPVS_VERSION = "1.2.1";

/** What `ipvsadm` prints as `size=`: IPVS's default. Our connection table has no buckets that could be counted. */
export const CONNECTION_TABLE_SIZE = 4096;

/**
 * The administration of a director whose tables are at hand. It does not lock: whoever uses it sees to it that there
 * is one at a time.
 */
export class TableAdministration extends AdministrationBase {
  readonly #plane: Plane;
  #memory: DirectorMemory | undefined;

  constructor(plane: Plane) {
    super();
    this.#plane = plane;
  }

  info(): DirectorInfo {
    return { version: IPVS_VERSION, connectionTableSize: CONNECTION_TABLE_SIZE };
  }

  services(): readonly ServiceStatus[] {
    const memory = this.#repaired();
    return readStatuses(memory, liveRows(memory));
  }

  service(key: ServiceKey): ServiceStatus | null {
    const memory = this.#repaired();
    const row = readServiceSlots(memory).live.get(serviceNumber(serviceIdentity(key)));
    return row === undefined ? null : readStatuses(memory, [row])[0]!;
  }

  apply(commands: readonly Command[]): readonly (IpvsError | null)[] {
    return applyCommands(this.#repaired(), commands);
  }

  /** Brings what depends on the host's own addresses up to date: local servers, and sources of tunnels and FullNAT. */
  refresh(): void {
    const memory = this.#repaired();
    memory.plane.settle();
    const needs = needsOfAll(new Draft(memory));
    memory.plane.prepare(needs, () => needs);
    refreshAddresses(memory, availableRows(memory));
  }

  timeouts(): Timeouts {
    const { timeouts } = this.#repaired().settings;
    const [tcp, tcpFin, udp] = SETTABLE_STATES.map((state) => secondsOf(timeouts[state]!.get(0)));
    return { tcp: tcp!, tcpFin: tcpFin!, udp: udp! };
  }

  override sysctls(): readonly Sysctl[] {
    const { settings, isShort } = this.#repaired();
    return SYSCTLS.map((sysctl) => {
      const words = sysctl.defaults.map((_, i) => settings.sysctls[sysctl.index + i]!.get(0));
      return { name: sysctl.name, value: formatSysctl(sysctl, words, isShort()) };
    });
  }

  connections(): Iterable<ConnectionEntry> {
    return readConnections(this.#repaired());
  }

  override endConnections(matching: (entry: ConnectionEntry) => boolean): number {
    return endConnections(this.#repaired(), matching);
  }

  daemons(): readonly SyncDaemon[] {
    return [];
  }

  close(): void {}

  #repaired(): DirectorMemory {
    this.#memory ??= new DirectorMemory(this.#plane);
    repair(this.#memory);
    return this.#memory;
  }
}

/** What a fresh director's settings are, besides the sizes of its tables. */
export function initialise(plane: Pick<Plane, "map">, sizes: { connections: number; cpus: number }): void {
  const value = new Uint8Array(settings.value.size);
  const view = new DataView(value.buffer);
  const { layout, epoch, timeouts, sysctls, connectionLimit, cpus } = settings.value.field;
  view.setUint32(layout.offset, LAYOUT_VERSION, true);
  view.setUint32(epoch.offset, 1, true);
  for (const [index, seconds] of DEFAULT_TIMEOUTS.entries()) {
    view.setUint32(timeouts.offset + 4 * index, ticksOf(seconds), true);
  }
  for (const [index, word] of defaultSysctls().entries()) {
    view.setUint32(sysctls.offset + 4 * index, word, true);
  }
  view.setUint32(connectionLimit.offset, sizes.connections, true);
  view.setUint32(cpus.offset, sizes.cpus, true);
  plane.map(settings).update(new Uint8Array(4), value);
}
