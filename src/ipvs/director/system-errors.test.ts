import assert from "node:assert/strict";
import { test } from "node:test";
import { NoWayBackError } from "../explain/explain.ts";
import { PacketLengthError } from "../explain/packet.ts";
import { ExcludedInterfaceError, NoInterfaceError } from "./interfaces.ts";
import { fromSystem } from "./system-errors.ts";

function failing(error: Error): () => never {
  return () =>
    fromSystem("open", () => {
      throw error;
    });
}

test("what was asked for and cannot be is no failure of the system", () => {
  for (const error of [
    new NoInterfaceError("eth9", []),
    new ExcludedInterfaceError("tun0", "no Ethernet frames"),
    new NoWayBackError(Uint8Array.of(192, 0, 2, 1)),
    new PacketLengthError("too short"),
    new RangeError("no address"),
  ]) {
    assert.throws(failing(error), (thrown) => thrown === error);
  }
  const below = Object.assign(new Error("open /x: no such file"), { code: "ENOENT" });
  const told = { name: "IpvsError", code: "EIO", message: below.message, cause: below };
  assert.throws(failing(below), told);
});
