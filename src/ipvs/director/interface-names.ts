/** What the namespace's interfaces are called, for rules that ask for it. */

import { decode, encode, type MapHandle } from "../../bpf/index.ts";
import { interfaceNames, RuleWords } from "../../kernel/tables.ts";
import { listLinks, withRouteSocket } from "../../linux/index.ts";
import { nameWords } from "../rules/elements.ts";
import type { PinnedTables } from "./pinned-tables.ts";

/** Brings the map, if there is one, up to date with the interfaces that there are. */
export function refreshInterfaceNames(tables: PinnedTables): void {
  if (tables.exists(interfaceNames)) writeNames(tables.map(interfaceNames), withRouteSocket(listLinks));
}

/** Writes what has changed. Interfaces that there is no room for, the newest, stay without a name: `-i NAME` does not match there. */
export function writeNames(
  map: MapHandle,
  links: readonly { readonly index: number; readonly name: string }[],
): void {
  const wanted = new Map(
    links.map(({ index, name }) => [index, encode(RuleWords, { words: nameWords(Buffer.from(name)) })]),
  );
  const { count, keys, values } = map.readAll();
  let room = map.capacity - count;
  for (const [at, index] of new Uint32Array(keys.slice().buffer).entries()) {
    const words = wanted.get(index);
    const present = values.subarray(at * map.valueSize, (at + 1) * map.valueSize);
    if (words === undefined) room += Number(map.delete(keyOf(index)));
    else if (Buffer.compare(words, present) !== 0) map.update(keyOf(index), words);
    wanted.delete(index);
  }
  const fresh = [...wanted].sort(([one], [other]) => one - other);
  for (const [index, words] of fresh.slice(0, room)) map.update(keyOf(index), words);
}

/** What `writeNames` has written. */
export function readNames(map: MapHandle): Map<number, string> {
  const { count, keys, values } = map.readAll();
  const numbers = new Uint32Array(keys.slice().buffer);
  return new Map(
    Array.from({ length: count }, (_, at) => {
      const { words } = decode(RuleWords, values, at * map.valueSize);
      const bytes = Buffer.alloc(4 * words.length);
      for (const [index, word] of words.entries()) bytes.writeUInt32BE(word, 4 * index);
      return [numbers[at]!, bytes.toString().replace(/\0+$/, "")];
    }),
  );
}

function keyOf(index: number): Uint8Array {
  return new Uint8Array(Uint32Array.of(index).buffer);
}
