import assert from "node:assert/strict";
import { test } from "node:test";
import { createMachine } from "../../bpf/index.ts";
import { interfaceNames } from "../../kernel/tables.ts";
import { writeNames } from "./interface-names.ts";
import { readNames } from "./recorded.ts";

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
