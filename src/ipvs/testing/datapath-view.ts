/** The configuration as the datapath sees it: through the map of services and the pools they name, nothing else. */
import assert from "node:assert/strict";
import { decode, type MapDefinition, type Plain, type Schema } from "../../bpf/index.ts";
import { dhBuckets, mhBuckets, shBuckets } from "../../kernel/schedule/buckets.ts";
import * as tables from "../../kernel/tables.ts";
import type { Plane } from "../plane.ts";

/** Services by their key, each as text: its pool and its list. */
export type DatapathView = ReadonlyMap<string, string>;

interface ViewOptions {
  /**
   * Show what is read in place, not through the pool. A killed command may leave some of it old and some new, until the next
   * one finishes its work.
   */
  readonly inPlace: boolean;
}

type Destination = Plain<typeof tables.Destination>;
type Pool = Plain<typeof tables.Pool>;

/** A text for an address: its words in hexadecimal. */
export function wordsText(words: readonly number[]): string {
  return words.map((word) => word.toString(16).padStart(8, "0")).join("");
}

/** A text for a key of the map of services. */
export function keyText({ kind, address, port, protocol }: Plain<typeof tables.ServiceKey>): string {
  return `${kind.toString(16)} ${wordsText(address.words)} ${port}/${protocol}`;
}

/** What is told of a pool. */
export function poolText(
  pool: Pick<Pool, "scheduler" | "flags" | "persistence" | "mask">,
  local: readonly string[],
): string {
  const { scheduler, flags, persistence, mask } = pool;
  return `${scheduler} ${flags} ${persistence} ${wordsText(mask.words)} [${local.join(" ")}]`;
}

/** What is told of a server in a list. */
export function serverText(
  server: Pick<Destination, "address" | "family" | "port">,
  weight: number,
  inPlace: InPlace | null,
): string {
  const place = `${server.family} ${wordsText(server.address.words)}:${server.port} ${weight}`;
  if (inPlace === null) return place;
  const { forward, tunnelType, tunnelChecksum, tunnelPort, upper, lower } = inPlace;
  return `${place} ${forward} ${tunnelType} ${tunnelChecksum} ${tunnelPort} ${upper} ${lower}`;
}

type InPlace = Pick<
  Destination,
  "forward" | "tunnelType" | "tunnelChecksum" | "tunnelPort" | "upper" | "lower"
>;

/** Reads an element of an array. */
function at<V extends Schema>(plane: Plane, definition: MapDefinition, schema: V, index: number): Plain<V> {
  const handle = plane.map(definition);
  assert.ok(index < handle.capacity, `${definition.name} has no element ${index}`);
  return decode(schema, handle.memory(), index * handle.stride);
}

interface LiveService {
  readonly id: string;
  readonly row: number;
  readonly service: Plain<typeof tables.Service>;
  readonly pool: Pool;
  readonly list: readonly { readonly row: number; readonly weight: number; readonly server: Destination }[];
}

/** The services that packets find. Throws AssertionError if something a packet would meet is not as it must be. */
function liveServices(plane: Plane): LiveService[] {
  const { epoch, destinationEnd } = at(plane, tables.settings, tables.Settings, 0);
  const { keys, values, count } = plane.map(tables.services).readAll();
  const live: LiveService[] = [];
  for (let index = 0; index < count; index++) {
    const key = decode(tables.ServiceKey, keys, index * tables.ServiceKey.size);
    const entry = decode(tables.ServiceEntry, values, index * tables.ServiceEntry.size);
    if (entry.epoch !== epoch) continue;
    const id = keyText(key);
    const row = entry.service;
    const service = at(plane, tables.serviceTable, tables.Service, row);
    assert.equal(keyText(service.key), id, `slot ${row} is another's`);
    assert.equal(service.pool >> 1, row, `${id} uses a pool of another service`);
    const pool = at(plane, tables.pools, tables.Pool, service.pool);
    const list = Array.from({ length: pool.count }, (_, position) => {
      const { destination, weight } = at(plane, tables.members, tables.Member, pool.start + position);
      const server = at(plane, tables.destinationTable, tables.Destination, destination);
      assert.equal(server.available, 1, `${id}: server in slot ${destination} is not available`);
      assert.equal(server.inUse, 1, `${id}: server in slot ${destination} is not in use`);
      assert.equal(server.service, row, `${id}: server in slot ${destination} is another's`);
      assert.ok(destination < destinationEnd, `${id}: the estimator does not reach slot ${destination}`);
      return { row: destination, weight, server };
    });
    const maximum = Math.max(0, ...list.map(({ weight }) => weight));
    assert.equal(pool.maximumWeight, maximum, `${id}: wrong maximum weight`);
    live.push({ id, row, service, pool, list });
  }
  return live;
}

export function datapathView(plane: Plane, { inPlace }: ViewOptions): DatapathView {
  const view = new Map<string, string>();
  for (const live of liveServices(plane)) {
    const { id, pool, list } = live;
    const local = Array.from({ length: pool.localCount }, (_, index) => {
      const { words } = at(plane, tables.localAddresses, tables.Address, pool.localStart + index);
      return wordsText(words);
    });
    checkBuckets(plane, live, inPlace);
    const servers = list.map(({ server, weight }) => {
      if (inPlace) assert.equal(server.weight, weight, `${id}: a server's own weight`);
      return serverText(server, weight, inPlace ? server : null);
    });
    view.set(id, [poolText(pool, local), ...servers].join(", "));
  }
  return view;
}

/** That the table of a scheduler that hashes is the one of its list; before all is in place, that it names nobody else. */
function checkBuckets(plane: Plane, { id, pool, list }: LiveService, inPlace: boolean): void {
  const members = list.map(({ row, weight, server: { address, port, lastWeight } }) => ({
    destination: row,
    weight,
    address: address.words.reduce((folded, word) => (folded ^ word) >>> 0, 0),
    port,
    lastWeight,
  }));
  const builders = new Map([
    [tables.SCHEDULER_DH, () => dhBuckets(members)],
    [tables.SCHEDULER_SH, () => shBuckets(members)],
    [tables.SCHEDULER_MH, () => mhBuckets(members)],
  ]);
  const expected = builders.get(pool.scheduler as typeof tables.SCHEDULER_DH)?.();
  if (expected === undefined) return;
  const rows = new Set([0, ...list.map(({ row }) => row)]);
  const memory = new DataView(plane.map(tables.buckets).memory());
  const { stride } = plane.map(tables.buckets);
  for (const [index, row] of expected.entries()) {
    const found = memory.getUint16((pool.bucketStart + index) * stride, true);
    if (inPlace) assert.equal(found, row, `${id}: bucket ${index}`);
    else assert.ok(rows.has(found), `${id}: bucket ${index} is of a server that is not in the list`);
  }
}

/** Checks that the tables that follow from the configuration do so. */
export function checkSecondaryTables(plane: Plane): void {
  const { dirty } = at(plane, tables.settings, tables.Settings, 0);
  assert.equal(dirty, 0, "marked as dirty");
  const live = liveServices(plane);
  assert.equal(plane.map(tables.services).readAll().count, live.length, "services of a former epoch");
  const rows = new Set(live.map((each) => each.row));
  for (let row = 1; row < plane.map(tables.serviceTable).capacity; row++) {
    const { inUse } = at(plane, tables.serviceTable, tables.Service, row);
    assert.equal(inUse !== 0, rows.has(row), `service slot ${row}`);
  }
  checkRanges("members", live, ({ pool }) => [pool.start, pool.count]);
  checkRanges("buckets", live, ({ pool }) => [pool.bucketStart, SIZES.get(pool.scheduler) ?? 0]);
  checkRanges("local addresses", live, ({ pool }) => [pool.localStart, pool.localCount]);
  const used = live.flatMap(({ list }) => list.map(({ row }) => row));
  assert.equal(new Set(used).size, used.length, "a server slot is in two lists");
  for (let row = 1; row < plane.map(tables.destinationTable).capacity; row++) {
    const { available } = at(plane, tables.destinationTable, tables.Destination, row);
    assert.equal(available !== 0, used.includes(row), `server slot ${row}`);
  }
  const endpoints = live.flatMap(({ service: { key }, list }) =>
    list
      .filter(({ server }) => server.forward === tables.FORWARD_MASQ)
      .map(({ server }) => `${wordsText(server.address.words)}:${server.port || key.port}/${key.protocol}`),
  );
  const { keys, count } = plane.map(tables.servers).readAll();
  const found = Array.from({ length: count }, (_, index) => {
    const key = decode(tables.ServerKey, keys, index * tables.ServerKey.size);
    return `${wordsText(key.address.words)}:${key.port}/${key.protocol}`;
  });
  assert.deepEqual(found.sort(), [...new Set(endpoints)].sort(), "the map of servers");
}

const SIZES: ReadonlyMap<number, number> = new Map([
  [tables.SCHEDULER_DH, 256],
  [tables.SCHEDULER_SH, 256],
  [tables.SCHEDULER_MH, 4093],
]);

/** That no two services share a part of a table. */
function checkRanges(
  table: string,
  live: readonly LiveService[],
  rangeOf: (live: LiveService) => readonly [start: number, count: number],
): void {
  const ranges = live
    .map(rangeOf)
    .filter(([, count]) => count > 0)
    .sort(([a], [b]) => a - b);
  for (const [index, [start]] of ranges.entries()) {
    if (index === 0) continue;
    const [before, count] = ranges[index - 1]!;
    assert.ok(before + count <= start, `${table}: ranges of two services overlap`);
  }
}
