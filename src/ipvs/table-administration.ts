import { DEFAULT_TIMEOUTS } from "../kernel/state/default-timeouts.ts";
import { defaultSysctls, formatSysctl, SYSCTLS } from "../kernel/sysctls.ts";
import { LAYOUT_VERSION, settings } from "../kernel/tables.ts";
import { AdministrationBase, type Command, type DirectorInfo } from "./administration.ts";
import { Draft, PublishFirst } from "./configuration/draft.ts";
import { serviceIdentity, serviceNumber } from "./configuration/identity.ts";
import { readServiceSlots } from "./configuration/published.ts";
import { SETTABLE_STATES, secondsOf, ticksOf } from "./configuration/timeouts.ts";
import { endConnections, readConnections } from "./connections.ts";
import { IpvsError, NotSupportedError } from "./errors.ts";
import { liveRows, readStatuses } from "./listing.ts";
import { DirectorMemory } from "./memory/director-memory.ts";
import type { ConnectionEntry, ServiceKey, ServiceStatus, SyncDaemon, Sysctl, Timeouts } from "./model.ts";
import type { Plane } from "./plane.ts";
import { refreshAddresses } from "./writing/addresses.ts";
import { flush } from "./writing/flush.ts";
import { needsOfAll } from "./writing/needs.ts";
import { publish } from "./writing/publish.ts";
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
    const memory = this.#repaired();
    return new Application(memory).run(commands);
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

/** One run of commands. */
class Application {
  readonly #memory: DirectorMemory;
  readonly #answers: (IpvsError | null)[] = [];
  #draft: Draft | undefined;
  /** Commands before this one are published. */
  #published = 0;

  constructor(memory: DirectorMemory) {
    this.#memory = memory;
  }

  run(commands: readonly Command[]): readonly (IpvsError | null)[] {
    for (const command of commands) this.#answers.push(this.#answer(command));
    this.#publish();
    return this.#answers;
  }

  #answer(command: Command): IpvsError | null {
    if (command.kind === "flush") {
      this.#publish();
      flush(this.#memory);
      return null;
    }
    try {
      change(this.#current, command);
      return null;
    } catch (error) {
      if (error instanceof IpvsError) return error;
      if (!(error instanceof PublishFirst)) throw error;
      if (this.#current.isEmpty) return error.refusal;
    }
    this.#publish();
    return this.#answer(command);
  }

  /** The draft of the commands since the last publication. */
  get #current(): Draft {
    if (this.#draft === undefined) {
      this.#memory.plane.settle();
      this.#draft = new Draft(this.#memory);
    }
    return this.#draft;
  }

  #publish(): void {
    const draft = this.#draft;
    this.#draft = undefined;
    if (draft === undefined) return;
    try {
      publish(draft);
    } catch (error) {
      if (!(error instanceof IpvsError) || this.#published === 0) throw error;
      for (let index = this.#published; index < this.#answers.length; index++) {
        this.#answers[index] ??= error;
      }
    }
    this.#published = this.#answers.length;
  }
}

/** Carries out a command on a draft. Throws IpvsError if it is refused, PublishFirst if it has to wait. */
function change(draft: Draft, command: Exclude<Command, { kind: "flush" }>): void {
  switch (command.kind) {
    case "add-service":
      draft.addService(command.service);
      break;
    case "edit-service":
      draft.editService(command.service);
      break;
    case "delete-service":
      draft.deleteService(command.key);
      break;
    case "add-destination":
      draft.addDestination(command.service, command.destination);
      break;
    case "edit-destination":
      draft.editDestination(command.service, command.destination);
      break;
    case "delete-destination":
      draft.deleteDestination(command.service, command.destination);
      break;
    case "zero":
      draft.zero(command.service);
      break;
    case "add-local-address":
      draft.addLocalAddress(command.service, command.address);
      break;
    case "delete-local-address":
      draft.deleteLocalAddress(command.service, command.address);
      break;
    case "set-sysctl":
      draft.setSysctl(command.name, command.value);
      break;
    case "set-timeouts":
      draft.setTimeouts(command.timeouts);
      break;
    case "start-daemon":
      throw new NotSupportedError("connection synchronisation (--start-daemon)", { operation: command.kind });
    case "stop-daemon":
      throw new IpvsError("ESRCH", { operation: command.kind });
  }
}
