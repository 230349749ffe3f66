/** What a director's tables hold of the host around them: as commands last found it, which the datapath goes by until the next one. */
import { interfaceNames } from "../../kernel/tables.ts";
import { addressText } from "../configuration/address.ts";
import { serviceKeyOf } from "../configuration/identity.ts";
import { identityAt } from "../configuration/published.ts";
import { liveRows } from "../listing.ts";
import { DirectorMemory } from "../memory/director-memory.ts";
import type { DestinationKey, ServiceKey } from "../model.ts";
import type { Plane } from "../plane.ts";
import { readNames } from "./interface-names.ts";
import { requireRoot } from "./kernel-administration.ts";
import { NamespaceState } from "./namespace-state.ts";
import { choosePlaces, type DirectorOptions } from "./places.ts";
import { fromSystem } from "./system-errors.ts";

/** A server of a service. */
export interface RecordedServer extends DestinationKey {
  readonly service: ServiceKey;
  /** The director's own address towards it, for tunnels and FullNAT; null: none was known, or none was asked for. */
  readonly source: string | null;
  /** Its address was one of the director's own. */
  readonly local: boolean;
}

export interface RecordedHost {
  readonly servers: readonly RecordedServer[];
  /** Names of interfaces by number, for rules that ask for them. Empty as long as none does. */
  readonly interfaceNames: ReadonlyMap<number, string>;
}

/** Changes nothing. Throws IpvsError: EPERM without root, EIO where the state is unusable. */
export function recordedHost(options: DirectorOptions = {}): RecordedHost {
  requireRoot();
  return fromSystem("list", () => {
    const state = new NamespaceState(choosePlaces(options));
    try {
      return state.read((present) => ({
        servers: present === null ? [] : recordedServers(present.plane),
        interfaceNames:
          present?.tables.exists(interfaceNames) === true
            ? readNames(present.tables.map(interfaceNames))
            : new Map(),
      }));
    } finally {
      state.close();
    }
  });
}

export function recordedServers(plane: Plane): RecordedServer[] {
  const memory = new DirectorMemory(plane);
  const { services, pools, members, destinations } = memory;
  return liveRows(memory).flatMap((row) => {
    const service = serviceKeyOf(identityAt(memory, row));
    const pool = services.pool.get(row);
    return Array.from({ length: pools.count.get(pool) }, (_, index) => {
      const server = members.destination.get(pools.start.get(pool) + index);
      const isWide = destinations.family.get(server) === 6;
      const source = destinations.source.get(server, isWide);
      return {
        service,
        family: isWide ? 6 : 4,
        address: addressText(destinations.address.get(server, isWide)),
        port: destinations.port.get(server),
        source: source === 0 || source === 0n ? null : addressText(source),
        local: destinations.isLocal.get(server) !== 0,
      };
    });
  });
}
