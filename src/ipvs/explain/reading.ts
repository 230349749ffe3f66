/** What stands in a director's tables, slot by slot, in words. */
import { type Infer, viewOf } from "../../bpf/index.ts";
import {
  Connection,
  connectionTable,
  Destination,
  destinationTable,
  KIND_OF_FLOW,
  Member,
  members,
  Pool,
  pools,
  pressure,
  STATE_ENDED,
  STATE_REMOVED,
} from "../../kernel/tables.ts";
import { addressText } from "../configuration/address.ts";
import { serviceKeyOf } from "../configuration/identity.ts";
import { identityAt, readDestination, readSettings } from "../configuration/published.ts";
import { methodOf, tunnelOf, virtualServiceOf } from "../configuration/settings.ts";
import { readEntryAt } from "../connections.ts";
import { liveRows } from "../listing.ts";
import { DirectorMemory } from "../memory/director-memory.ts";
import type { ConnectionEntry, ServiceKey, VirtualService } from "../model.ts";
import type { Plane } from "../plane.ts";
import type { ExplainedServer } from "./model.ts";

/** Bits of the state of an entry that no packet finds any more. */
const GONE = STATE_REMOVED | STATE_ENDED;

/** A member of a pool: views of it and of its server. */
export interface PoolMember {
  readonly slot: number;
  readonly weight: number;
  readonly server: Infer<typeof Destination>;
}

export class Reading {
  readonly memory: DirectorMemory;
  readonly #plane: Plane;

  constructor(plane: Plane) {
    this.#plane = plane;
    this.memory = new DirectorMemory(plane);
  }

  /** The entry in a slot of the connection table, even if it has ended; null if the slot was never used. */
  connection(slot: number): ConnectionEntry | null {
    return readEntryAt(this.memory, slot);
  }

  /** The same; null, too, if it has ended. */
  livingConnection(slot: number): ConnectionEntry | null {
    return (this.memory.connections.state.get(slot) & GONE) === 0 ? this.connection(slot) : null;
  }

  /** The live entry that is about the same flow as the one in a slot of another director's table; null: there is none. */
  sameFlow(other: Reading, slot: number): ConnectionEntry | null {
    const [mine, theirs] = [this.memory.connections, other.memory.connections];
    const columns = ["client", "virtual", "clientPort", "virtualPort"] as const;
    const isSame = (row: number): boolean =>
      mine.due.get(row) !== 0 &&
      (mine.state.get(row) & GONE) === 0 &&
      columns.every((name) => mine[name].get(row) === theirs[name].get(slot)) &&
      (mine.kind.get(row) & KIND_OF_FLOW) === (theirs.kind.get(slot) & KIND_OF_FLOW);
    if (isSame(slot)) return this.connection(slot);
    for (let row = 0; row < mine.capacity; row++) if (isSame(row)) return this.connection(row);
    return null;
  }

  /** The slot of the server that an entry belongs to. */
  serverOf(slot: number): number {
    return this.memory.connections.destination.get(slot);
  }

  /** The MTU that is known of the way to the client of a connection; 0: none. */
  mtuToClient(slot: number): number {
    const { data, stride } = this.#array(connectionTable);
    return viewOf(Connection, data, slot * stride).hop.mtu;
  }

  /** The server in a slot. */
  server(slot: number): ExplainedServer {
    const { address, port, settings } = readDestination(this.memory, slot, 0);
    return {
      family: typeof address === "bigint" ? 6 : 4,
      address: addressText(address),
      port,
      method: methodOf(settings.forward),
      tunnel: tunnelOf(settings),
    };
  }

  /** The server in a slot, field by field. */
  destination(slot: number): Infer<typeof Destination> {
    const { data, stride } = this.#array(destinationTable);
    return viewOf(Destination, data, slot * stride);
  }

  /** The service in a slot. */
  service(slot: number): VirtualService {
    const identity = identityAt(this.memory, slot);
    const pool = this.memory.services.pool.get(slot);
    return virtualServiceOf(serviceKeyOf(identity), readSettings(this.memory, pool, identity));
  }

  /** The pool that a service uses, field by field. */
  pool(slot: number): Infer<typeof Pool> {
    const { data, stride } = this.#array(pools);
    return viewOf(Pool, data, this.memory.services.pool.get(slot) * stride);
  }

  /** Its members, in list order. */
  members(slot: number): PoolMember[] {
    const pool = this.pool(slot);
    const { data, stride } = this.#array(members);
    return Array.from({ length: pool.count }, (_, index) => {
      const member = viewOf(Member, data, (pool.start + index) * stride);
      return {
        slot: member.destination,
        weight: member.weight,
        server: this.destination(member.destination),
      };
    });
  }

  /** The services that there are at an address, canonical text. */
  servicesAt(address: string): ServiceKey[] {
    return liveRows(this.memory)
      .map((row) => serviceKeyOf(identityAt(this.memory, row)))
      .filter((key) => key.kind === "address" && key.address === address);
  }

  /** One in how many packets that open connections is dropped (drop_packet); 0: none. */
  dropRate(): number {
    const { data } = this.#array(pressure);
    return data.getUint32(pressure.value.field.dropRate.offset, true);
  }

  #array(
    definition:
      | typeof connectionTable
      | typeof destinationTable
      | typeof members
      | typeof pools
      | typeof pressure,
  ) {
    const handle = this.#plane.map(definition);
    return { data: new DataView(handle.memory()), stride: handle.stride };
  }
}
