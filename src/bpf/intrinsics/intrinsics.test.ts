import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import * as bpf from "../index.ts";

const Fields = bpf.struct("Fields", { small: bpf.u32, signed: bpf.s32, large: bpf.u64, short: bpf.u16 });

test("byte order, division", () => {
  assert.equal(bpf.swap16(0x1234), 0x3412);
  assert.equal(bpf.swap32(0x12345678), 0x78563412);
  assert.equal(bpf.swap32(0x000000ff), 0xff000000);
  assert.equal(bpf.swap64(0x0102030405060708n), 0x0807060504030201n);
  assert.equal(bpf.divide64(7n, 2n), 3n);
  assert.equal(bpf.divide64(7n, 0n), 0n);
  assert.equal(bpf.modulo64(7n, 4n), 3n);
  assert.equal(bpf.modulo64(7n, 0n), 0n);
});

test("atomics wrap at the width of their field and return what was there", () => {
  const view = bpf.make(Fields, { small: 0xffffffff, large: 2n ** 64n - 1n, signed: -1 });
  bpf.atomicAdd(view, "small", 2);
  bpf.atomicAdd(view, "large", 2n);
  assert.deepEqual([view.small, view.large], [1, 1n]);
  assert.equal(bpf.atomicFetchAdd(view, "large", 2n ** 64n - 1n), 1n);
  assert.equal(view.large, 0n);
  assert.equal(bpf.atomicExchange(view, "small", 9), 1);
  assert.equal(bpf.atomicCompareExchange(view, "small", 8, 7), 9);
  assert.equal(bpf.atomicCompareExchange(view, "small", 9, 7), 9);
  assert.equal(bpf.readOnce(view, "small"), 7);
  assert.equal(bpf.atomicFetchAdd(view, "signed", 2), -1);
  assert.throws(() => bpf.atomicAdd(view, "short", 1), { code: "ERR_SCHEMA" });
});

test("make, copy, sizes and offsets", () => {
  const one = bpf.make(Fields, { short: 0x12345 });
  const two = bpf.make(Fields);
  bpf.copy(two, one);
  assert.equal(two.short, 0x2345);
  assert.equal(bpf.sizeOf(Fields), 24);
  assert.equal(bpf.offsetOf(Fields, "large"), 8);
});

test("each helper has the number and arguments of the kernel's UAPI", () => {
  const helpers: Record<string, string> = {};
  for (const [name, value] of Object.entries(bpf)) {
    const lowering = bpf.loweringOf(value);
    if (lowering?.kind !== "helper") continue;
    const args = lowering.args.map((arg) => ("argument" in arg ? `${arg.from} ${arg.argument}` : arg.value));
    helpers[name] =
      `${lowering.id} ${lowering.name}(${args.join(", ")})${lowering.invalidatesPackets ? " moves" : ""}`;
  }
  assert.deepEqual(helpers, {
    adjustRoom: "50 skb_adjust_room(packet 0, value 1, value 2, value 3) moves",
    changeHead: "43 skb_change_head(packet 0, value 1, value 2) moves",
    changeProtocol: "31 skb_change_proto(packet 0, value 1, value 2) moves",
    changeTail: "38 skb_change_tail(packet 0, value 1, value 2) moves",
    checksumLevel: "135 csum_level(packet 0, value 1)",
    cloneRedirect: "13 clone_redirect(packet 0, value 1, value 2) moves",
    checksumDifference: "28 csum_diff(reference 0, size 0, reference 1, size 1, value 2)",
    coarseTime: "160 ktime_get_coarse_ns()",
    cpu: "8 get_smp_processor_id()",
    fibLookup: "69 fib_lookup(packet 0, reference 1, size 1, value 2)",
    flowHash: "34 get_hash_recalc(packet 0)",
    forEach: "164 for_each_map_elem(map 0, function 1, reference 2, 0)",
    loadBytes: "26 skb_load_bytes(packet 0, value 1, reference 2, length 3)",
    lock: "93 spin_lock(field 0)",
    monotonicTime: "5 ktime_get_ns()",
    pullData: "39 skb_pull_data(packet 0, value 1) moves",
    random: "7 get_prandom_u32()",
    redirect: "23 redirect(value 0, value 1)",
    redirectNeighbour: "152 redirect_neigh(value 0, reference 2, size 2, value 1)",
    repeat: "181 loop(value 0, function 1, reference 2, 0)",
    replaceL3Checksum: "10 l3_csum_replace(packet 0, value 1, value 2, value 3, value 4) moves",
    replaceL4Checksum: "11 l4_csum_replace(packet 0, value 1, value 2, value 3, value 4) moves",
    storeBytes: "9 skb_store_bytes(packet 0, value 1, reference 2, length 4, value 3) moves",
    tailCall: "12 tail_call(packet 0, map 1, value 2) moves",
    timerCallback: "170 timer_set_callback(field 0, function 2)",
    timerCancel: "172 timer_cancel(field 0)",
    timerInit: "169 timer_init(field 1, map 0, 1)",
    timerStart: "171 timer_start(field 0, value 2, 0)",
    unlock: "94 spin_unlock(field 0)",
  });
});

/** All modules that `url` needs, with their text. */
function needed(url: URL, found = new Map<string, string>()): Map<string, string> {
  if (found.has(url.href)) return found;
  const text = readFileSync(url, "utf8");
  found.set(url.href, text);
  for (const [, specifier] of text.matchAll(/^(?:import|export)[^;]*? from "([^"]+)"/gm)) {
    if (specifier?.startsWith(".")) needed(new URL(specifier, url), found);
  }
  return found;
}

test("kernel TypeScript and its simulator run without Node", () => {
  const extension = import.meta.url.slice(-3);
  const modules = needed(new URL(`../language${extension}`, import.meta.url));
  assert.ok(modules.size > 40);
  for (const [url, text] of modules) {
    assert.doesNotMatch(text, /from "[^.]|import\("|\bBuffer\.|\bprocess\./, url);
  }
});
