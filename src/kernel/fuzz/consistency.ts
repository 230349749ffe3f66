/** What holds of the tables at any time between two packets. */

import { decode } from "../../bpf/index.ts";
import { controlOf, slotOfControl } from "../persistence/control.ts";
import {
  Connection,
  connectionTable,
  Destination,
  destinationTable,
  due,
  Events,
  events,
  FLOW_WAYS,
  FlowBucket,
  flows,
  KIND_NO_OUTPUT,
  KIND_TEMPLATE,
  STATE_ENDED,
  STATE_MASK,
  STATE_REMOVED,
} from "../tables.ts";
import { LIMIT } from "./scene.ts";
import type { World } from "./world.ts";

const WORDS = Connection.size / 4;
const KIND = Connection.field.kind.offset / 2;
const DESTINATION = Connection.field.destination.offset / 2;
const STATE = Connection.field.state.offset / 4;
const CONTROL = Connection.field.control.offset / 4;
const BUCKET = FlowBucket.size / 4;

/** What the datapath counted about itself, over all CPUs. */
export function eventsOf(world: World): Record<keyof Events, number> {
  const handle = world.director.map(events);
  const { values } = handle.readAll();
  const sum = {} as Record<keyof Events, number>;
  for (let at = 0; at < values.length; at += handle.stride) {
    for (const [name, value] of Object.entries(decode(Events, values.subarray(at, at + Events.size))))
      sum[name as keyof Events] = (sum[name as keyof Events] ?? 0) + Number(value);
  }
  return sum;
}

/** What is wrong with the tables, in words; nothing: an empty list. Answers also how many connections there are. */
export function checkTables(world: World): { readonly wrong: string[]; readonly connections: number } {
  const wrong: string[] = [];
  const table = world.words(connectionTable);
  const halves = new Uint16Array(table.buffer, table.byteOffset, table.length * 2);
  const places = world.words(due);
  const buckets = world.words(flows);
  const servers = world.words(destinationTable);
  const live = new Uint8Array(LIMIT);
  const requests = new Uint8Array(LIMIT);
  const replies = new Uint8Array(LIMIT);
  const controlled = new Uint32Array(LIMIT);
  const active = new Map<number, [active: number, inactive: number, persistent: number]>();
  let connections = 0;
  let templates = 0;
  for (let slot = 0; slot < LIMIT; slot++) {
    const state = table[slot * WORDS + STATE]!;
    const isTaken = places[slot * 2] !== 0;
    const isLive = isTaken && (state & STATE_REMOVED) === 0 && (state & STATE_MASK) !== 0;
    if (!isLive) {
      if (!isTaken && (state & STATE_MASK) !== 0 && (state & STATE_REMOVED) === 0)
        wrong.push(`slot ${slot} is free, but alive`);
      continue;
    }
    live[slot] = 1;
    const kind = halves[slot * WORDS * 2 + KIND]!;
    const server = halves[slot * WORDS * 2 + DESTINATION]!;
    const count = active.get(server) ?? [0, 0, 0];
    active.set(server, count);
    if ((kind & KIND_TEMPLATE) !== 0) {
      templates++;
      count[2]++;
      continue;
    }
    connections++;
    count[(state >>> 8) & 1]!++;
    const control = table[slot * WORDS + CONTROL]!;
    const template = slotOfControl(control);
    // One whose slot is another's by now counts no more.
    const isThere = controlOf(template, table[template * WORDS + STATE] ?? 0) === control;
    if (control !== 0 && isThere) controlled[template]!++;
  }
  let overflow = 0;
  for (let bucket = 0; bucket < LIMIT; bucket++) {
    overflow += buckets[bucket * BUCKET]!;
    for (let way = 1; way <= FLOW_WAYS; way++) {
      const word = buckets[bucket * BUCKET + way]!;
      if (word === 0) continue;
      const slot = word >>> 8;
      if (live[slot] !== 1) wrong.push(`bucket ${bucket} names slot ${slot}, which is not alive`);
      else if ((word & 0x80) !== 0) replies[slot]!++;
      else requests[slot]!++;
    }
  }
  for (let slot = 0; slot < LIMIT; slot++) {
    if (live[slot] !== 1) continue;
    const kind = halves[slot * WORDS * 2 + KIND]!;
    const isEnded = (table[slot * WORDS + STATE]! & STATE_ENDED) !== 0;
    if (requests[slot] !== 1 && !(requests[slot] === 0 && isEnded))
      wrong.push(`slot ${slot} has ${requests[slot]} words of requests`);
    if (replies[slot]! > ((kind & KIND_NO_OUTPUT) === 0 ? 1 : 0))
      wrong.push(`slot ${slot} has ${replies[slot]} words of replies`);
    const control = table[slot * WORDS + CONTROL]!;
    if ((kind & KIND_TEMPLATE) !== 0 && control !== controlled[slot])
      wrong.push(`template ${slot} counts ${control} connections, ${controlled[slot]} follow it`);
  }
  const size = Math.ceil(Destination.size / 8) * 2;
  const first = Destination.field.active.offset / 4;
  for (let server = 0; server * size < servers.length; server++) {
    const expected = active.get(server) ?? [0, 0, 0];
    for (let i = 0; i < 3; i++) {
      const found = servers[server * size + first + i];
      if (found !== undefined && found !== expected[i])
        wrong.push(
          `destination ${server} counts ${found} as ${["active", "inactive", "persistent"][i]}, there are ${expected[i]}`,
        );
    }
  }
  const { created, expired } = eventsOf(world);
  if (created - expired !== connections)
    wrong.push(`${created} created, ${expired} ended, but there are ${connections} connections`);
  if (connections + templates === 0 && overflow !== 0) wrong.push(`overflow ${overflow} of an empty table`);
  return { wrong, connections: connections + templates };
}

/** Lets all connections end by time. What is left then is a leak. */
export function checkDrained(world: World): string[] {
  for (let i = 0; i < 6; i++) world.pass(1 << 16);
  const { wrong, connections } = checkTables(world);
  if (connections !== 0) wrong.push(`${connections} connections do not end`);
  const places = world.words(due);
  let taken = 0;
  for (let slot = 0; slot < LIMIT; slot++) if (places[slot * 2] !== 0) taken++;
  if (taken !== 0) wrong.push(`${taken} slots are not given back`);
  return wrong;
}
