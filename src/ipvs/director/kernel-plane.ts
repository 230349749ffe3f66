import type { MapDefinition, MapHandle } from "../../bpf/index.ts";
import { listRoutes, RT_TABLE, RTN, withRouteSocket } from "../../linux/index.ts";
import { isUnicastByItself } from "../configuration/identity.ts";
import type { Needs, Plane } from "../plane.ts";
import type { Datapath } from "./datapath.ts";
import type { PinnedTables } from "./pinned-tables.ts";

/** The director of the calling thread's network namespace, in the kernel. */
export class KernelPlane implements Plane {
  readonly #tables: PinnedTables;
  readonly #datapath: Datapath;
  readonly #settle: () => void;
  #broadcasts: ReadonlySet<number> | undefined;

  constructor(tables: PinnedTables, datapath: Datapath, settle: () => void) {
    this.#tables = tables;
    this.#datapath = datapath;
    this.#settle = settle;
  }

  map(definition: MapDefinition): MapHandle {
    return this.#tables.map(definition);
  }

  prepare(changed: Needs, whole: () => Needs): void {
    this.#datapath.ensure(changed, whole);
  }

  settle(): void {
    this.#settle();
  }

  isUnicast(address: number): boolean {
    if (!isUnicastByItself(address)) return false;
    this.#broadcasts ??= broadcastAddresses();
    return !this.#broadcasts.has(address);
  }

  monotonicTime(): bigint {
    return process.hrtime.bigint();
  }
}

/** The broadcast addresses of the namespace's networks, as its local routing table has them. */
function broadcastAddresses(): ReadonlySet<number> {
  const routes = withRouteSocket((socket) => listRoutes(socket, { version: 4, table: RT_TABLE.LOCAL }));
  const found = new Set<number>();
  for (const { type, to } of routes) {
    if (type !== RTN.BROADCAST || to === undefined || to.address.length !== 4) continue;
    found.add(new DataView(to.address.buffer, to.address.byteOffset, 4).getUint32(0));
  }
  return found;
}
