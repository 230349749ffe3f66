import { createMachine } from "../../bpf/index.ts";
import { missingCapabilities } from "../../linux/index.ts";
import { AdministrationBase, type Command, type DirectorInfo } from "../administration.ts";
import { IpvsError, type Operation } from "../errors.ts";
import type { ConnectionEntry, ServiceKey, ServiceStatus, SyncDaemon, Sysctl, Timeouts } from "../model.ts";
import { simulatedAdministration } from "../simulated-plane.ts";
import { CONNECTION_TABLE_SIZE, IPVS_VERSION, TableAdministration } from "../table-administration.ts";
import { NamespaceState, type Present } from "./namespace-state.ts";
import { choosePlaces, type DirectorOptions } from "./places.ts";
import { refreshBehind } from "./refresh-behind.ts";
import { fromSystem } from "./system-errors.ts";

/**
 * The administration of the director of the calling thread's network namespace. Nothing is made before the first
 * change. Throws IpvsError: EPERM without root.
 */
export function openAdministration(options: DirectorOptions = {}): KernelAdministration {
  requireRoot();
  return fromSystem("open", () => new KernelAdministration(new NamespaceState(choosePlaces(options))));
}

/** Throws IpvsError EPERM unless this process may administer the namespace. To root it says which capabilities are missing. */
export function requireRoot(): void {
  const missing = missingCapabilities(["CAP_NET_ADMIN", "CAP_BPF", "CAP_SYS_ADMIN"]);
  if (missing.length === 0) return;
  if (process.geteuid?.() !== 0) throw new IpvsError("EPERM", { operation: "open" });
  const message = `not permitted: root has not all its rights here, as in a container; this process lacks ${missing.join(", ")}`;
  throw new IpvsError("EPERM", { operation: "open", message });
}

export class KernelAdministration extends AdministrationBase {
  readonly #state: NamespaceState;
  readonly #tables: WeakMap<Present, TableAdministration> = new WeakMap();

  constructor(state: NamespaceState) {
    super();
    this.#state = state;
  }

  info(): DirectorInfo {
    return { version: IPVS_VERSION, connectionTableSize: CONNECTION_TABLE_SIZE };
  }

  services(): readonly ServiceStatus[] {
    return this.#read("list", (director) => director.services());
  }

  service(key: ServiceKey): ServiceStatus | null {
    return this.#read("list", (director) => director.service(key));
  }

  apply(commands: readonly Command[]): readonly (IpvsError | null)[] {
    const operation = commands[0]?.kind ?? "list";
    return fromSystem(operation, () =>
      this.#state.change(
        () => changesAnEmptyDirector(commands),
        (present) => {
          if (present === null) return emptyDirector().apply(commands);
          const answers = this.#director(present).apply(commands);
          refreshBehind(present.datapath);
          return answers;
        },
      ),
    );
  }

  timeouts(): Timeouts {
    return this.#read("list", (director) => director.timeouts());
  }

  connections(): Iterable<ConnectionEntry> {
    return this.#read("list", (director) => director.connections());
  }

  override endConnections(matching: (entry: ConnectionEntry) => boolean): number {
    return fromSystem("end-connections", () =>
      this.#state.change(
        () => false,
        (present) => (present === null ? 0 : this.#director(present).endConnections(matching)),
      ),
    );
  }

  override sysctls(): readonly Sysctl[] {
    return this.#read("list", (director) => director.sysctls());
  }

  daemons(): readonly SyncDaemon[] {
    return this.#read("list", (director) => director.daemons());
  }

  close(): void {
    this.#state.close();
  }

  #read<T>(operation: Operation, work: (director: TableAdministration) => T): T {
    return fromSystem(operation, () =>
      this.#state.read((present) => work(present === null ? emptyDirector() : this.#director(present))),
    );
  }

  #director(present: Present): TableAdministration {
    let director = this.#tables.get(present);
    if (director === undefined) {
      director = new TableAdministration(present.plane);
      this.#tables.set(present, director);
    }
    return director;
  }
}

/** Tables that are quick to make. */
const SMALL = {
  ...{ services: 8, service_table: 8, pools: 16, service_retired: 8, members: 16, servers: 8 },
  ...{ destinations: 8, counters: 8, estimates: 8, dest_baseline: 8, connections: 1, due: 1 },
  ...{ wide: 1, call_ids: 1, buckets: 8192, local_addresses: 8 },
};

/** A director that nobody has told anything yet. */
function emptyDirector(): TableAdministration {
  return simulatedAdministration(createMachine({ entries: SMALL }));
}

/** Whether these commands would leave anything in a director that is empty: else none needs to be made. */
function changesAnEmptyDirector(commands: readonly Command[]): boolean {
  for (const command of commands) {
    if (command.kind === "set-timeouts" && Object.values(command.timeouts).some((seconds) => seconds > 0)) {
      return true;
    }
    if (command.kind === "set-sysctl" && emptyDirector().apply([command])[0] === null) return true;
    if (command.kind === "add-service" && emptyDirector().apply([command])[0] === null) return true;
  }
  return false;
}
