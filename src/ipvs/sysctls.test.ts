import assert from "node:assert/strict";
import { test } from "node:test";
import { createMachine } from "../bpf/index.ts";
import { SysctlValueError, UnknownSysctlError } from "./errors.ts";
import { simulatedAdministration } from "./simulated-plane.ts";

const machine = () =>
  createMachine({ entries: { connections: 8, due: 8, destinations: 8, members: 16, service_table: 8 } });

function values(director: ReturnType<typeof simulatedAdministration>): Map<string, string> {
  return new Map(director.sysctls().map(({ name, value }) => [name, value]));
}

test("sysctls begin with IPVS's defaults, sorted by name", () => {
  const director = simulatedAdministration(machine());
  const names = director.sysctls().map(({ name }) => name);
  assert.deepEqual(names, names.toSorted());
  const found = values(director);
  assert.equal(found.get("conn_reuse_mode"), "1");
  assert.equal(found.get("sync_threshold"), "3\t50");
  assert.equal(found.get("amemthresh"), "1024");
});

test("sysctls are set, and read back", () => {
  const director = simulatedAdministration(machine());
  director.setSysctl("conn_reuse_mode", "0");
  director.setSysctl("sync_threshold", "1 20");
  director.setSysctl("sync_threshold", "2");
  director.setSysctl("est_nice", "-5");
  const found = values(director);
  assert.equal(found.get("conn_reuse_mode"), "0");
  assert.equal(found.get("sync_threshold"), "2\t20");
  assert.equal(found.get("est_nice"), "-5");
});

test("sysctls of a batch follow one another", () => {
  const director = simulatedAdministration(machine());
  const answers = director.apply([
    { kind: "set-sysctl", name: "sync_threshold", value: "40 80" },
    { kind: "set-sysctl", name: "sync_threshold", value: "60" },
    { kind: "set-sysctl", name: "secure_tcp", value: "9" },
    { kind: "set-sysctl", name: "secure_tcp", value: "3" },
  ]);
  assert.deepEqual(
    answers.map((answer) => answer?.code ?? null),
    [null, null, "EINVAL", null],
  );
  assert.equal(values(director).get("sync_threshold"), "60\t80");
  assert.equal(values(director).get("secure_tcp"), "3");
});

test("unknown sysctls and wrong values are refused", () => {
  const director = simulatedAdministration(machine());
  assert.throws(() => director.setSysctl("nosuch", "1"), UnknownSysctlError);
  assert.throws(() => director.setSysctl("sync_threshold", "50 3"), SysctlValueError);
  assert.throws(() => director.setSysctl("drop_entry", "x"), /drop_entry: "x" is not a number from 0 to 3/);
  assert.equal(values(director).get("drop_entry"), "0");
});
