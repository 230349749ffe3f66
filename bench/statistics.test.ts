import assert from "node:assert/strict";
import { test } from "node:test";
import { median, quantile, ratios } from "./statistics.ts";

test("the median is the middle value, whatever the order", () => {
  assert.equal(median([3, 1, 2]), 2);
  assert.equal(median([4, 1, 2, 3]), 2.5);
  assert.ok(Number.isNaN(median([])));
});

test("ratios go round by round and skip rounds without a base", () => {
  assert.deepEqual(ratios([2, 9, 4], [1, 3]), [2, 3]);
});

test("a quantile is one of the values", () => {
  assert.equal(quantile([5, 3, 1, 4, 2], 0.5), 3);
  assert.equal(quantile([5, 3, 1, 4, 2], 0.1), 1);
  assert.ok(Number.isNaN(quantile([], 0.5)));
});
