/** What kernel code looks like to TypeScript: this file passes when it compiles. */
import { test } from "node:test";
import type { Infer, Packet, u32, u64 } from "./index.ts";
import * as bpf from "./index.ts";

const Key = bpf.struct("Key", { address: bpf.ipv4, port: bpf.u16be });
type Key = Infer<typeof Key>;
const Value = bpf.struct("Value", {
  packets: bpf.u64,
  state: bpf.u32,
  key: Key,
  mac: bpf.bytes(6),
  timer: bpf.timer,
  guard: bpf.spinLock,
});
type Value = Infer<typeof Value>;
const flows = bpf.hashMap("flows", { key: Key, value: Value, entries: 10 });
const Counter = bpf.struct("Counter", { packets: bpf.u64 });
type Counter = Infer<typeof Counter>;
const totals = bpf.arrayMap("totals", { value: Counter, entries: 1, mappable: true });
const inside = bpf.lruHashMap("inside", { key: Key, value: Counter, entries: 10 });
const tables = bpf.arrayOfMaps("tables", { inner: inside, entries: 4 });
const weights = bpf.constants("weights", bpf.u8, [1, 2, 3]);
const deep = bpf.option("deep", true);

export function expire(key: Key, value: Value): void {
  value.packets = 0n;
  flows.delete(key);
}

export function visit(_key: Key, value: Value, context: Counter): u32 {
  context.packets += value.packets;
  return 0;
}

export function each(i: u32, context: Counter): u32 {
  context.packets += BigInt(i);
  return 0;
}

export function entry(packet: Packet): u32 {
  const key = packet.header(Key, 14);
  if (key === null) return bpf.TC_OK;
  const own = bpf.make(Key, { address: key.address });
  bpf.copy(own, key);
  let value: Value | null = flows.lookup(own);
  if (value === null) {
    flows.update(own, bpf.make(Value, { state: weights.at(1) }), bpf.NO_EXIST);
    value = flows.lookup(own);
    if (value === null) return bpf.TC_SHOT;
  }
  bpf.atomicAdd(value, "packets", 1n);
  const old: u32 = bpf.atomicCompareExchange(value, "state", 1, 2);
  const seen: u64 = bpf.readOnce(value, "packets");
  value.key = own;
  value.mac[2] = old & 0xff;
  bpf.timerInit(flows, value, "timer");
  bpf.timerCallback(value, "timer", expire);
  bpf.timerStart(value, "timer", seen);
  bpf.lock(value, "guard");
  bpf.unlock(value, "guard");
  const total: Counter = totals.at(0);
  bpf.forEach(flows, visit, total);
  bpf.repeat(10, each, total);
  const inner = tables.lookupMap(2);
  if (inner === null || !deep.value) return bpf.TC_NEXT;
  return inner.lookup(own) === null ? bpf.TC_OK : bpf.redirect(packet.ifindex, 0);
}

export function wrong(value: Value, packet: Packet): void {
  // @ts-expect-error: a u64 is a bigint
  bpf.atomicAdd(value, "packets", 1);
  // @ts-expect-error: not a timer
  bpf.timerCancel(value, "state");
  // @ts-expect-error: no such field
  bpf.make(Value, { stat: 1 });
  // @ts-expect-error: another key
  flows.lookup(value);
  // @ts-expect-error: may be null
  packet.header(Key, 0).port;
}

test("kernel code type-checks", () => {});
