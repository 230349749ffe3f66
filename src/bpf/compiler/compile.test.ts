/** Programs that use each part of the language, compiled, accepted by the running kernel, and equal to the simulator. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Packet } from "../index.ts";
import { createMap, loadProgram } from "../loader/index.ts";
import type { MapDefinition } from "../map.ts";
import { createMachine, SimulatedPacket } from "../simulator/index.ts";
import { compile } from "./compile.ts";
import type { OptionValues } from "./front/index.ts";
import { textModule } from "./front/testing/text-module.ts";

const skip = process.getuid?.() === 0 ? false : "needs root (bpf)";

/** Ethernet, IPv4 with one word of options, TCP. */
const PACKET = Buffer.from(
  "0200000000020200000000010800" +
    "4600003400010000400600000a0000010a000002" +
    "01010100" +
    "303900500000000100000002501020000000000041424344454647484950",
  "hex",
);

/** Compiles `f`, loads it, runs it once in the kernel and once in the simulator; gives the verdict. */
async function run(text: string, options: OptionValues = {}): Promise<number> {
  const { sources, exports } = textModule(text);
  const program = await compile({
    entry: { module: "test.ts", name: "f" },
    sources,
    options,
    name: "test",
    type: "schedCls",
    license: "Dual MIT/GPL",
  });
  const definitions: MapDefinition[] = [...program.maps];
  const maps = new Map(definitions.map((map) => [map.name, createMap(map)]));
  const loaded = loadProgram(program, maps);
  try {
    const machine = createMachine({ options });
    const packet = new SimulatedPacket(new Uint8Array(PACKET));
    const expected = machine.execute(exports.f as unknown as (packet: Packet) => number, packet) >>> 0;
    const { verdict, data } = loaded.run({ data: PACKET });
    assert.equal(verdict, expected);
    assert.deepEqual(Buffer.from(data), Buffer.from(packet.bytes));
    return verdict;
  } finally {
    loaded.close();
    for (const map of maps.values()) map.close();
  }
}

const HEADERS = `
export const Ethernet = struct("Ethernet", { destination: bytes(6), source: bytes(6), type: u16be });
export const Ipv4 = struct("Ipv4", { versionLength: u8, service: u8, total: u16be, id: u16be, fragment: u16be,
  lifetime: u8, protocol: u8, checksum: u16be, source: ipv4, destination: ipv4 });
export type Ipv4 = Infer<typeof Ipv4>;
export const Ports = struct("Ports", { source: u16be, destination: u16be });
export const Byte = struct("Byte", { value: u8 });
export const Mac = struct("Mac", { bytes: bytes(6) });
export const Value = struct("Value", { n: u32, m: u64, list: array(u16, 5), mac: bytes(6) });
export type Value = Infer<typeof Value>;
export const array5 = arrayMap("array5", { value: Value, entries: 5 });
`;

const programs: readonly [name: string, verdict: number | undefined, text: string][] = [
  [
    "headers at variable offsets",
    80,
    `export function f(p: Packet): u32 {
       const eth = p.header(Ethernet, 0);
       const ip = p.header(Ipv4, 14);
       if (eth === null || ip === null || eth.type !== 0x800) return 1;
       const length = (ip.versionLength & 15) * 4;
       const ports = p.header(Ports, 14 + length);
       if (!ports) return 2;
       ip.lifetime -= 1;
       const mac = make(Mac, { bytes: eth.source });
       eth.source = eth.destination;
       eth.destination = mac.bytes;
       return ports.destination;
     }`,
  ],
  [
    "a walk over bytes of the packet",
    undefined,
    `export function f(p: Packet): u32 {
       let sum = 0;
       let at: u16 = 14;
       for (let i = 0; i < 30; i++) {
         const b = p.header(Byte, at);
         if (b === null) break;
         sum = (sum * 31 + b.value) >>> 0;
         at = (at + 1 + (b.value & 1)) & 0xffff;
       }
       return sum;
     }`,
  ],
  [
    "any u16 as an offset",
    undefined,
    `export function at(p: Packet, offset: u16): u32 {
       const b = p.header(Ipv4, offset);
       return b === null ? 0 : b.id;
     }
     export function f(p: Packet): u32 {
       const b = p.header(Ports, 60);
       if (b === null) return 77;
       return (at(p, b.source) + at(p, 14) + at(p, b.source % 40)) >>> 0;
     }`,
  ],
  [
    "indices the verifier cannot follow",
    undefined,
    `export function f(p: Packet): u32 {
       const v = array5.at(3);
       const w = make(Value);
       const id = p.header(Ipv4, 14);
       if (id === null) return 1;
       for (let i = 0; i < v.list.length; i++) { v.list[i] = i * 3; w.list[i] = id.destination & 0xff; }
       v.list[(id.total % 5)] = 1000;
       w.list[((id.source / 858993460) >>> 0) & 3] = 7;
       const n = Math.trunc(id.id / 16384);
       w.list[n] = 9;
       if (n !== 0) w.list[n - 1] = 5;
       const k = id.checksum % 7;
       if (k < 5) v.list[k] = 17;
       let sum = 0;
       for (let i = 4; i >= 0; i--) sum = (sum * 7 + v.list[i]! + w.list[i]!) >>> 0;
       for (let i = 0; i < id.total % 6 && i < 5; i += 2) sum = (sum + i) >>> 0;
       return sum;
     }`,
  ],
  [
    "maps of all kinds",
    undefined,
    `export const Key = struct("Key", { a: u16be, b: u8 });
     export const Prefix = struct("Prefix", { bits: u32, address: u32be });
     export const hash = hashMap("hash", { key: Key, value: Value, entries: 10 });
     export const small = lruHashMap("small", { key: u32, value: Value, entries: 10 });
     export const byte = hashMap("byte", { key: u16be, value: Value, entries: 10 });
     export const per = perCpuArrayMap("per", { value: Value, entries: 2 });
     export const perHash = perCpuHashMap("per_hash", { key: u64, value: Value, entries: 2 });
     export const trie = lpmTrieMap("trie", { key: Prefix, value: Value, entries: 10 });
     export const inner = hashMap("inner", { key: u32, value: Value, entries: 3 });
     export const outer = arrayOfMaps("outer", { inner, entries: 2 });
     export const ring = ringBuffer("ring", { bytes: 4096 });
     export function f(p: Packet): u32 {
       const key = make(Key, { a: 500, b: 3 });
       const value = make(Value, { n: 5, m: 6n });
       let r = 0;
       if (hash.update(key, value, NO_EXIST) === 0) r |= 1;
       if (hash.update(key, value, NO_EXIST) === -17) r |= 2;
       const found = hash.lookup(key);
       if (found !== null && found.n === 5) { found.n = 8; r |= 4; }
       if (hash.delete(key) === 0) r |= 8;
       if (small.update(7, value, ANY) === 0 && small.lookup(7)) r |= 16;
       if (byte.update(0x1234, value) === 0 && byte.lookup(0x1234) !== null) r |= 32;
       const mine = per.lookup(1);
       if (mine) mine.n = 4;
       const same = per.lookupOn(1, cpu());
       if (same && same.n === 4) r |= 64;
       if (perHash.update(9n, value, 0) === 0 && perHash.lookup(9n)) r |= 128;
       if (trie.update(make(Prefix, { bits: 8, address: 0x0a000000 }), value) === 0) r |= 256;
       if (trie.lookup(make(Prefix, { bits: 32, address: 0x0a010203 }))) r |= 512;
       const m = outer.lookupMap(1);
       if (m !== null && m.lookup(3) !== null) r |= 1024;
       if (ring.output(value, RING_NO_WAKEUP) === 0) r |= 2048;
       return r >>> 0;
     }`,
  ],
  [
    "callbacks",
    undefined,
    `export const Sum = struct("Sum", { n: u32, rounds: u32 });
     export type Sum = Infer<typeof Sum>;
     export const numbers = hashMap("numbers", { key: u32, value: Value, entries: 8 });
     export function count(i: u32, sum: Sum): u32 { sum.n += i; return i >= 9 ? 1 : 0; }
     export function each(key: u32, value: Value, sum: Sum): u32 { sum.n += key + value.n; sum.rounds++; return 0; }
     export function elements(key: u32, value: Value): u32 { value.n = key; return 0; }
     export function f(p: Packet): u32 {
       const sum = make(Sum);
       const rounds = repeat(100000, count, sum);
       const value = make(Value);
       for (let i = 1; i <= 5; i++) { value.n = i * 100; numbers.update(i, value, ANY); }
       const walked = forEach(numbers, each, sum);
       forEach(array5, elements, sum);
       return (sum.n * 1000 + rounds * 10 + walked + sum.rounds + array5.at(4).n) >>> 0;
     }`,
  ],
  [
    "callbacks that change what they look at",
    undefined,
    `export const State = struct("State", { phase: u32, count: u16, seen: u8, sum: u64, list: array(u16, 5), last: u32 });
     export type State = Infer<typeof State>;
     export function step(i: u32, state: State): u32 {
       if (state.phase === 0) { state.phase = 1; return 0; }
       if (state.phase === 7) { state.sum += 1000n; state.phase = 3; }
       if (state.count < 3) state.count += 1;
       else { state.seen = 1; state.sum += BigInt(i); state.list[3] = 9; }
       if (state.list[3] === 9 && state.last === 5) state.phase = 7;
       return state.sum > 5000n ? 1 : 0;
     }
     export function f(p: Packet): u32 {
       const state = make(State, { last: 5 });
       const rounds = repeat(50, step, state);
       return (Number(state.sum & 0xffffn) * 10 + state.seen + state.count * 100000 + rounds * 1000000) >>> 0;
     }`,
  ],
  [
    "timers, locks and atomics",
    undefined,
    `export const Timed = struct("Timed", { t: timer, n: u32, m: u64 });
     export type Timed = Infer<typeof Timed>;
     export const Locked = struct("Locked", { l: spinLock, n: u32 });
     export const timed = hashMap("timed", { key: u64, value: Timed, entries: 4 });
     export const locked = arrayMap("locked", { value: Locked, entries: 1 });
     export function fire(key: u64, v: Timed): void { v.n = Number(key & 0xffn); timerStart(v, "t", 1000000n); }
     export function f(p: Packet): u32 {
       timed.update(3n, make(Timed));
       const v = timed.lookup(3n);
       if (v === null) return 1;
       if (timerInit(timed, v, "t") !== 0) return 2;
       timerCallback(v, "t", fire);
       timerStart(v, "t", 1000000000n);
       const l = locked.at(0);
       lock(l, "l");
       l.n += 3;
       unlock(l, "l");
       atomicAdd(v, "n", 5);
       const a = atomicFetchAdd(v, "n", 0xffffffff);
       const b = atomicExchange(v, "m", 77n);
       const c = atomicCompareExchange(v, "n", 4, 9);
       const d = atomicCompareExchange(v, "m", 76n, 9n);
       return (a * 1000 + Number(b & 0xffn) + c * 100 + Number(d & 0xffn) + v.n + l.n + readOnce(v, "n")) >>> 0;
     }`,
  ],
  [
    "helpers on packets",
    undefined,
    `export function f(p: Packet): u32 {
       if (pullData(p, 40) !== 0) return 1;
       let ip = p.header(Ipv4, 14);
       if (ip === null) return 2;
       const before = ip.source;
       const copyOf = make(Ipv4);
       if (loadBytes(p, 14, copyOf) !== 0) return 3;
       copyOf.source = 0xc0a80001;
       if (storeBytes(p, 14, copyOf, 0) !== 0) return 4;
       replaceL3Checksum(p, 24, swap32(before), swap32(0xc0a80001), 4);
       ip = p.header(Ipv4, 14);
       if (ip === null) return 5;
       const sum = checksumDifference(null, copyOf, 5);
       const all = (sum & 0xffff) + (sum >>> 16);
       p.mark = ip.checksum;
       if (p.length !== 68) changeTail(p, 68, 0n);
       return ((all & 0xffff) + (all >>> 16) + p.mark + (p.protocol === 0x800 ? 100000 : 0)) >>> 0;
     }`,
  ],
  [
    "tables of constants",
    undefined,
    `export const big = constants("big", u64, [1n, 0xffffffffffffffffn, 3n]);
     export const signed = constants("signed", s32, [-1, 5]);
     export const few = constants("few", u8, [9, 8, 7, 6]);
     export function f(p: Packet): u32 {
       const ip = p.header(Ipv4, 14);
       if (ip === null) return 1;
       const i = ip.id;
       return (Number(big.at(i) & 0xffffn) + signed.at(i - 1) + few.at(i & 3) + few.at(200) + Number(big.at(i + 9) & 7n)) >>> 0;
     }`,
  ],
  [
    "functions checked by themselves",
    undefined,
    `/** @separate */
     export function fill(p: Packet, n: u8, really: boolean): void {
       for (let i = 0; i < n && i < 5; i++) if (really) array5.at(1).list[i] = i + p.length;
     }
     /** @separate */
     export function find(from: u32, difference: s32, big: u64): u8 {
       const v = array5.lookup(from);
       if (v === null) return 0;
       let sum = 0;
       for (let i = 0; i < 5; i++) sum = (sum + v.list[i]! + difference) & 0xff;
       return (sum ^ Number(big & 7n)) & 0xff;
     }
     /** @separate */
     export function negative(x: s32): s32 { return (-x) | 0; }
     export function f(p: Packet): u32 {
       fill(p, p.length & 0xff, p.length > 1);
       const list = make(Value);
       list.list[find(1, -3, 0xffffffffffffff05n) % 5] = 5;
       const at = find(2, -1, 9n);
       if (at < 5) list.list[at] = 3;
       return (find(1, 300, 0n) * 1000 + negative(7) + list.list[0]! + at) >>> 0;
     }`,
  ],
  [
    "lengths known at run time, memory in a map",
    undefined,
    `export const Scratch = struct("Scratch", { head: u32, bytes: bytes(2048) });
     export type Scratch = Infer<typeof Scratch>;
     export const scratch = perCpuArrayMap("scratch", { value: Scratch, entries: 1 });
     export const Word = struct("Word", { word: u32be });
     export function move(p: Packet, room: Scratch, from: u32, to: u32, count: u32): u32 {
       if (count < 1 || count > 1500) return 1;
       if (loadBytes(p, from, room.bytes, count) !== 0) return 2;
       room.bytes[0] = room.bytes[count - 1]!;
       return storeBytes(p, to, room.bytes, 0, count) === 0 ? 0 : 3;
     }
     export function f(p: Packet): u32 {
       const room = scratch.lookup(0);
       if (room === null) return 9;
       const ip = p.header(Ipv4, 14);
       if (ip === null) return 8;
       const length = (ip.versionLength & 15) * 4;
       const total = ip.total;
       let n = 0;
       n = (n * 10 + move(p, room, 14, 20, (p.length - 40) >>> 0)) >>> 0;
       n = (n * 10 + move(p, room, 14 + length, 30, Math.min(total - length, 20) >>> 0)) >>> 0;
       n = (n * 10 + move(p, room, (p.length - 4) >>> 0, 14, total & 7)) >>> 0;
       const last = p.header(Word, 14);
       const rest = p.length - 50;
       if (rest >= 1 && rest <= 2048 && loadBytes(p, 50, room.bytes, rest) === 0) n = (n + 100000 * room.bytes[rest - 1]!) >>> 0;
       if (loadBytes(p, p.length, room.bytes, 5) === 0) return 7;
       return last === null ? 6 : (n + room.bytes[0]!) >>> 0;
     }`,
  ],
  [
    "fields of the packet",
    undefined,
    `export function f(p: Packet): u32 {
       p.mark = 5;
       p.priority = p.mark + 2;
       return (p.priority * 100 + p.mark + p.hash + p.gsoSize) >>> 0;
     }`,
  ],
  [
    "levels of checksums, copies and hashes",
    undefined,
    `export function f(p: Packet): u32 {
       let n = checksumLevel(p, 0n) === -13 ? 1 : 0;
       checksumLevel(p, 1n);
       checksumLevel(p, 1n);
       n = (n * 10 + checksumLevel(p, 0n)) >>> 0;
       checksumLevel(p, 3n);
       n = (n * 10 + (checksumLevel(p, 0n) === -13 ? 1 : 0)) >>> 0;
       n = (n * 10 + (cloneRedirect(p, 1, 4) === -22 ? 1 : 0)) >>> 0;
       n = (n * 10 + (flowHash(p) === 0 ? 0 : 1)) >>> 0;
       return n >>> 0;
     }`,
  ],
  [
    "references out of functions",
    undefined,
    `export function choose(a: Value, b: Value, first: boolean): Value { return first ? a : b; }
     export function find(i: u32): Value | null {
       const v = array5.lookup(i);
       if (v !== null && v.n === 3) return null;
       return v;
     }
     export function f(p: Packet): u32 {
       const here = make(Value, { n: 40, mac: [1, 2, 3] });
       const there = array5.at(2);
       there.n = 3;
       there.mac = here.mac;
       const v = choose(here, there, p.length > 10);
       v.n += 1;
       let best: Value | null = null;
       for (let i = 0; i < 5; i++) {
         const each = find(i);
         if (each === null) continue;
         each.n = 10 - i;
         if (best === null || each.n < best.n) best = each;
       }
       return best === null ? 0 : (best.n * 100 + here.n + there.mac[1]!) >>> 0;
     }`,
  ],
];

describe("compiled programs do in the kernel what they do in the simulator", { skip }, () => {
  for (const [name, verdict, text] of programs) {
    it(name, async () => {
      const got = await run(HEADERS + text);
      if (verdict !== undefined) assert.equal(got, verdict);
    });
  }

  it("options are constants: code behind a false one is gone, with its maps", async () => {
    const text = `${HEADERS}
      export const on = option("on", true);
      export const limit = option("limit", 10);
      export const unused = hashMap("unused", { key: u32, value: Value, entries: 1 });
      export function f(p: Packet): u32 {
        if (on.value) { const v = unused.lookup(3); if (v !== null) return 5; }
        return limit.value;
      }`;
    const { sources } = textModule(text);
    const common = {
      entry: { module: "test.ts", name: "f" },
      sources,
      name: "t",
      type: "schedCls",
      license: "GPL",
    } as const;
    const off = await compile({ ...common, options: { on: false, limit: 3 } });
    assert.deepEqual(off.maps, []);
    assert.equal(off.instructions.length, 2);
    assert.equal((await compile(common)).maps.length, 1);
    assert.equal(await run(text, { on: false, limit: 3 }), 3);
  });
});
