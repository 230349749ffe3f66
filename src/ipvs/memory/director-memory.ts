import {
  connectionTable,
  destinationBaseline,
  destinationTable,
  due,
  estimates,
  members,
  pools,
  STATES,
  serviceRetired,
  serviceTable,
  settings,
} from "../../kernel/tables.ts";
import type { Plane } from "../plane.ts";
import { ArrayMemory, type WideColumn } from "./column.ts";

/** The fields of `Counters`, in its order. */
export const COUNTER_NAMES = ["connections", "inPackets", "inBytes", "outPackets", "outBytes"] as const;
/** The averages of `Estimate`, in the order of COUNTER_NAMES. */
const RATE_NAMES = ["connectionRate", "inPacketRate", "inByteRate", "outPacketRate", "outByteRate"] as const;

/** The mapped arrays of a director, field by field. Column names are the fields' in `src/kernel/tables.ts`. */
export class DirectorMemory {
  readonly plane: Plane;
  readonly settings;
  readonly services;
  readonly pools;
  readonly members;
  readonly destinations;
  /** Columns in the order of COUNTER_NAMES. */
  readonly destinationBaseline: readonly WideColumn[];
  readonly serviceRetired: readonly WideColumn[];
  readonly rates: readonly WideColumn[];
  #connections: ConnectionColumns | undefined;

  constructor(plane: Plane) {
    this.plane = plane;
    const setting = new ArrayMemory(plane, settings);
    this.settings = {
      layout: setting.column("layout"),
      epoch: setting.column("epoch"),
      timeouts: Array.from({ length: STATES }, (_, state) => setting.column("timeouts", state)),
      destinationEnd: setting.column("destinationEnd"),
      dirty: setting.column("dirty"),
    };
    const service = new ArrayMemory(plane, serviceTable);
    this.services = {
      capacity: service.capacity,
      address: service.column("key", "address", "words", 0),
      port: service.column("key", "port"),
      protocol: service.column("key", "protocol"),
      pool: service.column("pool"),
      inUse: service.column("inUse"),
      cursor: service.wideColumn("cursor"),
    };
    const pool = new ArrayMemory(plane, pools);
    this.pools = {
      scheduler: pool.column("scheduler"),
      flags: pool.column("flags"),
      generation: pool.column("generation"),
      start: pool.column("start"),
      count: pool.column("count"),
      maximumWeight: pool.column("maximumWeight"),
      weightDivisor: pool.column("weightDivisor"),
      initialWeight: pool.column("initialWeight"),
      resume: pool.column("resume"),
    };
    const member = new ArrayMemory(plane, members);
    this.members = {
      capacity: member.capacity,
      destination: member.column("destination"),
      weight: member.column("weight"),
    };
    const destination = new ArrayMemory(plane, destinationTable);
    const hop = destinationTable.value.field.hop;
    this.destinations = {
      capacity: destination.capacity,
      address: destination.column("address", "words", 0),
      port: destination.column("port"),
      forward: destination.column("forward"),
      available: destination.column("available"),
      upper: destination.column("upper"),
      lower: destination.column("lower"),
      service: destination.column("service"),
      inUse: destination.column("inUse"),
      active: destination.column("active"),
      inactive: destination.column("inactive"),
      persistent: destination.column("persistent"),
      overloaded: destination.column("overloaded"),
      /** Forgets the next hop. */
      clearHop: (row: number) => destination.clear(row, hop.offset, hop.schema.size),
    };
    const baseline = new ArrayMemory(plane, destinationBaseline);
    this.destinationBaseline = COUNTER_NAMES.map((name) => baseline.wideColumn("counters", name));
    const retired = new ArrayMemory(plane, serviceRetired);
    this.serviceRetired = COUNTER_NAMES.map((name) => retired.wideColumn("counters", name));
    const estimate = new ArrayMemory(plane, estimates);
    this.rates = RATE_NAMES.map((name) => estimate.wideColumn(name));
  }

  /** The connection table, mapped when first asked for. */
  get connections(): ConnectionColumns {
    this.#connections ??= connectionColumns(this.plane);
    return this.#connections;
  }

  /** Connections that hold on to a destination. */
  connectionsOf(row: number): number {
    const { active, inactive, persistent } = this.destinations;
    return active.get(row) + inactive.get(row) + persistent.get(row);
  }
}

type ConnectionColumns = ReturnType<typeof connectionColumns>;

function connectionColumns(plane: Plane) {
  const connection = new ArrayMemory(plane, connectionTable);
  return {
    capacity: connection.capacity,
    client: connection.column("client"),
    clientPort: connection.column("clientPort"),
    virtual: connection.column("virtual"),
    virtualPort: connection.column("virtualPort"),
    server: connection.column("server"),
    serverPort: connection.column("serverPort"),
    protocol: connection.column("kind"),
    state: connection.column("state"),
    expires: connection.column("expires"),
    due: new ArrayMemory(plane, due).column("tick"),
  };
}
