import assert from "node:assert/strict";
import { test } from "node:test";
import { parseRequest, UsageError } from "./arguments.ts";

test("each command is understood", () => {
  assert.deepEqual(parseRequest(["attach", "eth0", "eth1"]), {
    kind: "attach",
    interfaces: ["eth0", "eth1"],
  });
  assert.deepEqual(parseRequest(["detach"]), { kind: "detach", interfaces: [] });
  assert.deepEqual(parseRequest(["status", "--json"]), { kind: "status", json: true });
  assert.deepEqual(parseRequest(["unload"]), { kind: "unload" });
  assert.deepEqual(parseRequest(["lab", "nat", "--keep"]), {
    kind: "lab",
    name: "nat",
    keep: true,
    remove: false,
  });
  assert.deepEqual(parseRequest(["status", "-h"]), { kind: "help" });
});

for (const [argv, message] of [
  [[], /a command is missing: one of attach/],
  [["bananas"], /no command "bananas": there are attach/],
  [["status", "--yaml"], /lvs status does not know the option --yaml: it takes --json/],
  [["unload", "eth0"], /lvs unload takes no arguments, but got eth0/],
  [["lab"], /takes the name of one lab/],
  [["lab", "nat", "--keep", "--remove"], /either keeps a lab/],
] as const) {
  test(`lvs ${argv.join(" ")} says what would be right`, () => {
    assert.throws(
      () => parseRequest(argv),
      (error) => error instanceof UsageError && message.test(error.message),
    );
  });
}
