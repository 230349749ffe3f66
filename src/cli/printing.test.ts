import assert from "node:assert/strict";
import { test } from "node:test";
import { minutesAndSeconds, writeInChunks } from "./printing.ts";

test("pieces are written in few chunks, all of them in order", () => {
  const pieces = Array.from({ length: 20_000 }, (_, index) => `line ${index}\n`);
  const written: string[] = [];
  writeInChunks(pieces, (text) => written.push(text));
  assert.equal(written.join(""), pieces.join(""));
  assert.ok(written.length > 2 && written.length < 5, `${written.length} chunks`);
});

test("durations have as many minutes as it takes", () => {
  assert.deepEqual([0, 59, 60, 899, 360_000].map(minutesAndSeconds), [
    ...["00:00", "00:59", "01:00", "14:59"],
    "6000:00",
  ]);
});
