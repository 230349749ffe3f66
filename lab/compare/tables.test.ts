import assert from "node:assert/strict";
import { test } from "node:test";
import { compareConnections, compareListings, parseConnections } from "./tables.ts";

const NAMES = ["one", "other"] as const;
const HEAD =
  "IPVS connection entries\npro expire state       source             virtual            destination\n";
const LINE = "TCP 14:59  ESTABLISHED 10.9.0.1:1001      172.16.0.200:80    192.168.0.11:80\n";

test("a line of the connection table", () => {
  assert.deepEqual(parseConnections(HEAD + LINE), [
    {
      key: "TCP 10.9.0.1:1001 172.16.0.200:80",
      expires: 899,
      rest: "ESTABLISHED 192.168.0.11:80",
    },
  ]);
});

test("remaining times may differ by two seconds, nothing else may", () => {
  const with_ = (from: string, to: string) => HEAD + LINE.replace(from, to);
  assert.deepEqual(compareConnections(NAMES, HEAD + LINE, with_("14:59", "14:57")), []);
  assert.match(compareConnections(NAMES, HEAD + LINE, with_("14:59", "14:56"))[0]!, /899 s; other .* 896 s/);
  assert.match(compareConnections(NAMES, HEAD + LINE, with_("ESTABLISHED", "FIN_WAIT"))[0]!, /FIN_WAIT/);
  assert.match(compareConnections(NAMES, HEAD, HEAD + LINE)[0]!, /only other has it/);
});

test("a connection that is about to end may be gone already", () => {
  assert.deepEqual(compareConnections(NAMES, HEAD, HEAD + LINE.replace("14:59", "00:01")), []);
});

test("listings are compared line by line, but for the size of the table", () => {
  assert.deepEqual(compareListings(NAMES, "version (size=4096)\na\n", "version (size=1024)\na\n"), []);
  assert.deepEqual(compareListings(NAMES, "a\nb\n", "a\nc\n"), ["line 2, one: b", "line 2, other: c"]);
});
