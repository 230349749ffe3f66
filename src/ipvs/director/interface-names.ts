/** What the namespace's interfaces are called, for rules that ask for it. */

import { encode } from "../../bpf/index.ts";
import { interfaceNames, RuleWords } from "../../kernel/tables.ts";
import { listLinks, withRouteSocket } from "../../linux/index.ts";
import { nameWords } from "../rules/elements.ts";
import type { PinnedTables } from "./pinned-tables.ts";

/** Brings the map, if there is one, up to date with the interfaces that there are. */
export function refreshInterfaceNames(tables: PinnedTables): void {
  if (!tables.exists(interfaceNames)) return;
  const map = tables.map(interfaceNames);
  const wanted = new Map(
    withRouteSocket(listLinks).map(({ index, name }) => [
      index,
      encode(RuleWords, { words: nameWords(Buffer.from(name)) }),
    ]),
  );
  const { keys } = map.readAll();
  const present = new Set(new Uint32Array(keys.slice().buffer));
  for (const index of present) if (!wanted.has(index)) map.delete(keyOf(index));
  for (const [index, words] of wanted) map.update(keyOf(index), words);
}

function keyOf(index: number): Uint8Array {
  return new Uint8Array(Uint32Array.of(index).buffer);
}
