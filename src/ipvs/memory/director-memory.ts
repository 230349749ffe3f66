import {
  buckets,
  callIds,
  connectionTable,
  DEFENCE_SHORT,
  destinationBaseline,
  destinationTable,
  due,
  estimates,
  localAddresses,
  members,
  pools,
  pressure,
  STATE_ENDED,
  serviceRetired,
  serviceTable,
  settings,
  wide,
} from "../../kernel/tables.ts";
import type { Plane } from "../plane.ts";
import { type AddressColumn, ArrayMemory, type Column, type WideColumn } from "./column.ts";

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
  #localAddresses: { readonly capacity: number; readonly address: AddressColumn } | undefined;
  #defence: Column | undefined;
  #buckets: { readonly capacity: number; readonly destination: Column } | undefined;

  constructor(plane: Plane) {
    this.plane = plane;
    const setting = new ArrayMemory(plane, settings);
    this.settings = {
      layout: setting.column("layout"),
      epoch: setting.column("epoch"),
      timeouts: columnsOf(setting, "timeouts", settings.value.field.timeouts.schema.length),
      sysctls: columnsOf(setting, "sysctls", settings.value.field.sysctls.schema.length),
      connectionLimit: setting.column("connectionLimit"),
      destinationEnd: setting.column("destinationEnd"),
      dirty: setting.column("dirty"),
    };
    const service = new ArrayMemory(plane, serviceTable);
    this.services = {
      capacity: service.capacity,
      address: service.addressColumn("key", "address"),
      port: service.column("key", "port"),
      protocol: service.column("key", "protocol"),
      kind: service.column("key", "kind"),
      pool: service.column("pool"),
      inUse: service.column("inUse"),
      cursor: service.wideColumn("cursor"),
    };
    const pool = new ArrayMemory(plane, pools);
    this.pools = {
      scheduler: pool.column("scheduler"),
      flags: pool.column("flags"),
      persistence: pool.column("persistence"),
      mask: pool.addressColumn("mask"),
      bucketStart: pool.column("bucketStart"),
      localStart: pool.column("localStart"),
      localCount: pool.column("localCount"),
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
      address: destination.addressColumn("address"),
      port: destination.column("port"),
      family: destination.column("family"),
      forward: destination.column("forward"),
      tunnelType: destination.column("tunnelType"),
      tunnelChecksum: destination.column("tunnelChecksum"),
      tunnelPort: destination.column("tunnelPort"),
      isLocal: destination.column("isLocal"),
      source: destination.addressColumn("source"),
      weight: destination.column("weight"),
      lastWeight: destination.column("lastWeight"),
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

  /** The local addresses of FullNAT services. Made when first written to: whoever reads them knows of some. */
  get localAddresses() {
    if (this.#localAddresses === undefined) {
      const memory = new ArrayMemory(this.plane, localAddresses);
      this.#localAddresses = { capacity: memory.capacity, address: memory.addressColumn() };
    }
    return this.#localAddresses;
  }

  /** The tables of sh, dh and mh. Made when first written to. */
  get buckets() {
    if (this.#buckets === undefined) {
      const memory = new ArrayMemory(this.plane, buckets);
      this.#buckets = { capacity: memory.capacity, destination: memory.column("destination") };
    }
    return this.#buckets;
  }

  /** Whether slots of the connection table run out, so that automatic defences are on. */
  readonly isShort = (): boolean => {
    this.#defence ??= new ArrayMemory(this.plane, pressure).column("defence");
    return (this.#defence.get(0) & DEFENCE_SHORT) !== 0;
  };

  /** Connections that hold on to a destination. */
  connectionsOf(row: number): number {
    const { active, inactive, persistent } = this.destinations;
    return active.get(row) + inactive.get(row) + persistent.get(row);
  }
}

function columnsOf(memory: ArrayMemory, field: string, count: number): Column[] {
  return Array.from({ length: count }, (_, index) => memory.column(field, index));
}

type ConnectionColumns = ReturnType<typeof connectionColumns>;

type WideColumns = ReturnType<typeof wideColumns>;

function wideColumns(plane: Plane) {
  const addresses = new ArrayMemory(plane, wide);
  return {
    client: addresses.addressColumn("client"),
    virtual: addresses.addressColumn("virtual"),
    server: addresses.addressColumn("server"),
    local: addresses.addressColumn("local"),
  };
}

/** Of IPv6 connections the columns hold words; the addresses are in `wide`, if there is such a table. */
function connectionColumns(plane: Plane) {
  const connection = new ArrayMemory(plane, connectionTable);
  const times = new ArrayMemory(plane, due);
  let addresses: WideColumns | null = null;
  let texts: ArrayMemory | undefined;
  return {
    capacity: connection.capacity,
    client: connection.column("client"),
    clientPort: connection.column("clientPort"),
    virtual: connection.column("virtual"),
    virtualPort: connection.column("virtualPort"),
    server: connection.column("server"),
    serverPort: connection.column("serverPort"),
    local: connection.column("local"),
    localPort: connection.column("localPort"),
    kind: connection.column("kind"),
    state: connection.column("state"),
    expires: connection.column("expires"),
    destination: connection.column("destination"),
    due: times.column("tick"),
    /** Null as long as there is none; it may come at any time. */
    get wide(): WideColumns | null {
      if (addresses === null && plane.exists(wide)) addresses = wideColumns(plane);
      return addresses;
    },
    /** The Call-ID of a template that goes by one: there is such a table if there is such a template. */
    callIdOf: (row: number): string => {
      texts ??= new ArrayMemory(plane, callIds);
      return texts.textAt(row);
    },
    /**
     * Ends an entry, if its state word is still this one; whether it was. No packet finds it any more, and the sweeper
     * removes it when it comes by.
     */
    end: (row: number, state: number, now: number): boolean => {
      if (!connection.compareExchange("state", row, state, state | STATE_ENDED)) return false;
      const planned = times.column("tick").get(row);
      if (planned !== 0) times.compareExchange("tick", row, planned, Math.max(now, 1));
      return true;
    },
  };
}
