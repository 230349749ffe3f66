import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { IpvsError } from "../errors.ts";
import { refreshBehind } from "./refresh-behind.ts";

test("what fails behind a change that is published is told, and is no failure of the change", async () => {
  const warned = once(process, "warning");
  refreshBehind({
    refresh: () => {
      throw new IpvsError("EIO", { operation: "open", message: "no room" });
    },
  });
  const [warning] = (await warned) as [NodeJS.ErrnoException];
  assert.equal(warning.code, "LVS_REFRESH");
  assert.match(warning.message, /is done, but not everywhere: no room/);
});

test("a fault of ours is not hidden", () => {
  assert.throws(
    () =>
      refreshBehind({
        refresh: () => {
          throw new TypeError("ours");
        },
      }),
    TypeError,
  );
});
