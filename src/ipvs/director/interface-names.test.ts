import assert from "node:assert/strict";
import { test } from "node:test";
import { createMachine, decode, type MapHandle } from "../../bpf/index.ts";
import { interfaceNames, RuleWords } from "../../kernel/tables.ts";
import { readNames, writeNames } from "./interface-names.ts";

function namesIn(map: MapHandle): Record<number, string> {
  const { count, keys, values } = map.readAll();
  const found = Array.from({ length: count }, (_, at): [number, string] => {
    const bytes = Buffer.alloc(16);
    const { words } = decode(RuleWords, values, at * map.valueSize);
    for (const [i, word] of words.entries()) bytes.writeUInt32BE(word, 4 * i);
    return [keys[4 * at]!, bytes.toString().replace(/\0+$/, "")];
  });
  return Object.fromEntries(found);
}

test("names are written where they differ, and as many as there is room for", ({ mock }) => {
  const map = createMachine({ entries: { if_names: 4 } }).map(interfaceNames);
  const written = [mock.method(map, "update"), mock.method(map, "delete")];
  const link = (index: number, name = `eth${index}`) => ({ index, name });
  const take = (...links: readonly { index: number; name: string }[]) => {
    for (const { mock } of written) mock.resetCalls();
    writeNames(map, links);
    return written.flatMap(({ mock }, which) =>
      mock.calls.map(({ arguments: [key] }) => (which === 0 ? 1 : -1) * key[0]!),
    );
  };
  assert.deepEqual(take(link(1), link(2), link(3)), [1, 2, 3]);
  assert.deepEqual(take(link(1), link(2), link(3)), []);
  assert.deepEqual(take(link(1), link(2, "wan0"), link(3)), [2]);
  // The one that was there first has the place.
  assert.deepEqual(take(link(1), link(2, "wan0"), link(3), link(9), link(8)), [8]);
  assert.deepEqual(namesIn(map), { 1: "eth1", 2: "wan0", 3: "eth3", 8: "eth8" });
  // Who goes makes room.
  assert.deepEqual(take(link(2, "wan0"), link(3), link(9), link(8)), [9, -1]);
  assert.deepEqual(namesIn(map), { 2: "wan0", 3: "eth3", 8: "eth8", 9: "eth9" });
});

test("names are read as they were written", () => {
  const map = createMachine({ entries: { if_names: 4 } }).map(interfaceNames);
  const links = [
    { index: 1, name: "lo" },
    { index: 70_000, name: "fifteen-letters" },
  ];
  writeNames(map, links);
  assert.deepEqual(
    readNames(map),
    new Map([
      [1, "lo"],
      [70_000, "fifteen-letters"],
    ]),
  );
});
