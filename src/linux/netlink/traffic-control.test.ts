import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { bpf } from "../bpf-syscall.ts";
import { close } from "../files.ts";
import { addressOf } from "../libc.ts";
import { createNetworkNamespace, deleteNetworkNamespace } from "../namespace.ts";
import { type NetlinkSocket, openRouteSocket } from "./socket.ts";
import {
  addBpfFilter,
  addClsact,
  deleteClsact,
  deleteFilter,
  listFilters,
  listQdiscs,
  replaceBpfFilter,
} from "./traffic-control.ts";

const skip = process.getuid?.() === 0 ? false : "traffic control needs root";
const NAME = `linuxtest-tc-${process.pid}`;

/** Loads a SCHED_CLS program that returns `verdict`: mov r0, verdict; exit. */
function loadVerdict(verdict: number): number {
  const instructions = new Uint8Array(16);
  const code = new DataView(instructions.buffer);
  instructions[0] = 0xb7;
  code.setInt32(4, verdict, true);
  instructions[8] = 0x95;
  const licence = new TextEncoder().encode("Dual MIT/GPL\0");
  const attribute = new Uint8Array(48);
  const view = new DataView(attribute.buffer);
  view.setUint32(0, 3, true);
  view.setUint32(4, 2, true);
  view.setBigUint64(8, addressOf(instructions), true);
  view.setBigUint64(16, addressOf(licence), true);
  return bpf("BPF_PROG_LOAD", attribute);
}

describe("traffic control", { skip }, () => {
  let socket: NetlinkSocket;
  before(() => {
    createNetworkNamespace(NAME);
    socket = openRouteSocket(NAME);
  });
  after(() => {
    socket.close();
    deleteNetworkNamespace(NAME);
  });

  test("clsact is added once and deleted", () => {
    assert.equal(addClsact(socket, "lo"), true);
    assert.equal(addClsact(socket, "lo"), false);
    assert.deepEqual(
      listQdiscs(socket, "lo")
        .map(({ kind }) => kind)
        .filter((kind) => kind !== "noqueue"),
      ["clsact"],
    );
    deleteClsact(socket, "lo");
    assert.throws(() => deleteClsact(socket, "lo"), /E(NOENT|INVAL)/);
    assert.throws(() => addClsact(socket, "nope"), /ENODEV/);
  });

  test("bpf filters are added, replaced in place, listed and deleted", () => {
    addClsact(socket, "lo");
    const place = { link: "lo", direction: "ingress", priority: 49152, handle: 1 } as const;
    const [first, second] = [loadVerdict(-1), loadVerdict(0)];
    addBpfFilter(socket, { ...place, program: first, name: "one" });
    assert.throws(() => addBpfFilter(socket, { ...place, program: second, name: "two" }), /EEXIST.*is taken/);
    const real = () => listFilters(socket, "lo", "ingress").filter(({ handle }) => handle !== 0);
    const before = real();
    assert.equal(before.length, 1);
    assert.ok(before[0]?.directAction && before[0].kind === "bpf" && before[0].name === "one");
    replaceBpfFilter(socket, { ...place, program: second, name: "two" });
    const after = real();
    assert.equal(after.length, 1);
    assert.equal(after[0]?.priority, 49152);
    assert.equal(after[0]?.handle, 1);
    assert.equal(after[0]?.name, "two");
    assert.notEqual(after[0]?.programId, before[0]?.programId);
    assert.deepEqual(listFilters(socket, "lo", "egress"), []);
    deleteFilter(socket, place);
    assert.throws(() => deleteFilter(socket, place), /ENOENT|EINVAL/);
    assert.deepEqual(real(), []);
    deleteClsact(socket, "lo");
    close(first);
    close(second);
  });
});
