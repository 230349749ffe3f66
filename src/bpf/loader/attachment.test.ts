import assert from "node:assert/strict";
import { mkdirSync, rmSync } from "node:fs";
import { after, before, test } from "node:test";
import {
  AF,
  close,
  createNetworkNamespace,
  createVeth,
  deleteLink,
  deleteNetworkNamespace,
  inNetworkNamespace,
  linkIndex,
  listQdiscs,
  MNT_DETACH,
  mount,
  NETLINK,
  NetlinkSocket,
  SOCK,
  sendTo,
  setLink,
  socket,
  umount,
} from "../../linux/index.ts";
import {
  alu,
  atomic,
  callHelper,
  exit,
  jump,
  labelled,
  loadMap,
  R0,
  R1,
  R2,
  R10,
  storeImmediate,
} from "../asm/index.ts";
import { arrayMap, hashMap } from "../maps/index.ts";
import type { CompiledProgram } from "../program.ts";
import { struct, u32, u64 } from "../schema/index.ts";
import {
  type Attachment,
  attachClsact,
  attachTcx,
  createMap,
  feature,
  type LoadedMap,
  type LoadedProgram,
  linkById,
  loadProgram,
  objectIds,
  openClsact,
  openLink,
  openMap,
  programById,
  queryTcx,
  unpin,
} from "./index.ts";

const root = process.getuid?.() === 0;
const skip = root ? false : "needs root (bpf)";
const skipTcx = root ? (feature("tcxLinks").available ? false : "this kernel has no tcx links") : skip;
const name = `loadertest-${process.pid}`;
const directory = `/tmp/${name}-link`;
/** The loopback interface of a network namespace. */
const LOOPBACK = 1;

function returning(verdict: number): CompiledProgram {
  return {
    name: `return${verdict}`,
    type: "schedCls",
    license: "MIT",
    instructions: [alu.mov.imm(R0, verdict), exit()],
    functions: [],
    lines: [],
    maps: [],
  };
}

/** Counts packets in element 0 of "count" and lets them go on. */
const counting: CompiledProgram = {
  ...returning(0),
  name: "counting",
  instructions: [
    storeImmediate(R10, -4, 0, 4),
    alu.mov.reg(R2, R10),
    alu.add.imm(R2, -4),
    loadMap(R1, "count"),
    callHelper(1),
    jump.eq.imm(R0, 0, "out"),
    alu.mov.imm(R1, 1),
    atomic("add", R0, 0, R1, 8),
    labelled("out", alu.mov.imm(R0, -1)),
    exit(),
  ],
};

const count = arrayMap("count", { value: struct("Count", { packets: u64 }), entries: 1 });

function counted(map: LoadedMap): number {
  return Number(new BigUint64Array(map.lookup(new Uint8Array(4))!.buffer)[0]);
}

/** Datagrams to ourselves over loopback: each is received by that interface before the call returns. */
function sendDatagrams(packets: number, between: (index: number) => void): void {
  const fd = socket(AF.INET, SOCK.DGRAM, 0);
  const address = Uint8Array.from([AF.INET, 0, 0, 9, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
  for (let index = 0; index < packets; index++) {
    between(index);
    sendTo(fd, new Uint8Array(20), 0, address);
  }
  close(fd);
}

function sleep(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}

before(() => {
  if (skip) return;
  createNetworkNamespace(name);
  inNetworkNamespace(name, () => {
    const netlink = new NetlinkSocket(NETLINK.ROUTE);
    setLink(netlink, LOOPBACK, { up: true });
    netlink.close();
  });
  mkdirSync(directory);
  mount("bpf", directory, "bpf", 0);
});

after(() => {
  if (skip) return;
  umount(directory, MNT_DETACH);
  rmSync(directory, { recursive: true });
  deleteNetworkNamespace(name);
});

test("tcx: a link runs a program, then another, then none", { skip: skipTcx }, () => {
  inNetworkNamespace(name, () => {
    assert.deepEqual(queryTcx(LOOPBACK), []);
    using first = loadProgram(returning(0), new Map());
    using second = loadProgram(returning(2), new Map());
    using link = attachTcx(first, LOOPBACK);
    const { id, ifindex, programId, attachType } = link.info();
    assert.deepEqual([ifindex, programId, attachType], [LOOPBACK, first.info().id, 46]);
    assert.deepEqual(queryTcx(LOOPBACK), [{ programId, linkId: id }]);
    link.update(second);
    assert.deepEqual(queryTcx(LOOPBACK), [{ programId: second.info().id, linkId: id }]);
    using egress = attachTcx(first, LOOPBACK, { direction: "egress" });
    assert.equal(egress.info().attachType, 47);
    assert.equal(queryTcx(LOOPBACK, "egress").length, 1);
    assert.ok([...objectIds("link")].includes(id) && [...objectIds("program")].includes(programId));
    using same = linkById(id)!;
    assert.equal(same.programId(), second.info().id);
    using running = programById(programId)!;
    assert.equal(running.name, "return0");
    assert.equal(programById(0x7fff_ffff), null);
    assert.equal(linkById(0x7fff_ffff), null);
    link.detach();
    assert.equal(link.info().ifindex, 0);
    assert.equal(link.programId(), undefined);
    assert.deepEqual(queryTcx(LOOPBACK), []);
  });
});

test("tcx: the pin keeps the link; without pin and descriptor it goes", { skip: skipTcx }, () => {
  inNetworkNamespace(name, () => {
    const path = `${directory}/link`;
    using program = loadProgram(returning(0), new Map());
    attachTcx(program, LOOPBACK, { pin: path }).close();
    assert.equal(queryTcx(LOOPBACK).length, 1);
    {
      using again = openLink(path)!;
      assert.equal(again.info().ifindex, LOOPBACK);
    }
    assert.throws(() => attachTcx(program, LOOPBACK, { pin: path }), { code: "EEXIST" });
    assert.equal(queryTcx(LOOPBACK).length, 1, "nothing half attached");
    unpin(path);
    for (let wait = 0; wait < 100 && queryTcx(LOOPBACK).length > 0; wait++) sleep(10);
    assert.deepEqual(queryTcx(LOOPBACK), []);
    assert.equal(openLink(path), null);
    program.pin(path);
    assert.throws(() => openLink(path), { code: "FOREIGN_PIN" });
    unpin(path);
    const Key = struct("Key", { id: u32 });
    using held = attachTcx(program, LOOPBACK, { pin: path });
    assert.throws(() => openMap(path, hashMap("m", { key: Key, value: Key, entries: 1 })), {
      code: "FOREIGN_PIN",
      message: /kind link instead of map/,
    });
    held.detach();
  });
});

test("an interface that is not there", { skip }, () => {
  using program = loadProgram(returning(0), new Map());
  if (!skipTcx)
    assert.throws(() => attachTcx(program, 999_999), { code: "ENODEV", message: /no such interface/ });
  assert.throws(() => attachClsact(program, 999_999), { code: "ENODEV" });
});

test("an interface that goes takes its program along", { skip: skipTcx }, () => {
  inNetworkNamespace(name, () => {
    const netlink = new NetlinkSocket(NETLINK.ROUTE);
    createVeth(netlink, { name: "here" }, { name: "there" });
    const ifindex = linkIndex(netlink, "here");
    using program = loadProgram(returning(0), new Map());
    using link = attachTcx(program, ifindex);
    const filter = attachClsact(program, ifindex, { socket: netlink });
    assert.equal(filter.programId(), program.info().id);
    deleteLink(netlink, "here");
    assert.equal(link.info().ifindex, 0);
    assert.equal(filter.programId(), undefined);
    filter.detach({ withQdisc: true });
    assert.throws(() => link.update(program), { code: "ENOLINK" });
    netlink.close();
  });
});

test("clsact: a filter is replaced by one of its name only, found again, and goes with its qdisc", {
  skip,
}, () => {
  inNetworkNamespace(name, () => {
    const netlink = new NetlinkSocket(NETLINK.ROUTE);
    using first = loadProgram(returning(0), new Map());
    using second = loadProgram(returning(2), new Map());
    const options = { name: "loadertest", priority: 5, handle: 3 };
    assert.equal(openClsact(LOOPBACK, options), null);
    const filter = attachClsact(first, LOOPBACK, options);
    assert.equal(filter.madeQdisc, true);
    assert.equal(filter.programId(), first.info().id);
    filter.update(second);
    assert.equal(openClsact(LOOPBACK, options)?.programId(), second.info().id);
    const again = attachClsact(first, LOOPBACK, options);
    assert.equal(again.madeQdisc, false);
    assert.equal(filter.programId(), first.info().id);
    assert.throws(() => attachClsact(first, LOOPBACK, { ...options, name: "other" }), { code: "EEXIST" });
    assert.equal(openClsact(LOOPBACK, { ...options, name: "other" }), null);
    const egress = attachClsact(first, LOOPBACK, { ...options, direction: "egress" });
    filter.detach({ withQdisc: true });
    assert.equal(listQdiscs(netlink, LOOPBACK).filter(({ kind }) => kind === "clsact").length, 1);
    egress.detach({ withQdisc: true });
    egress.detach({ withQdisc: true });
    assert.equal(listQdiscs(netlink, LOOPBACK).filter(({ kind }) => kind === "clsact").length, 0);
    netlink.close();
  });
});

const WAYS: { readonly [way: string]: (program: LoadedProgram) => Attachment } = {
  tcx: (program) => attachTcx(program, LOOPBACK),
  clsact: (program) => attachClsact(program, LOOPBACK),
};

for (const [way, attach] of Object.entries(WAYS)) {
  test(`${way}: replacing the program loses no packet`, { skip: way === "tcx" ? skipTcx : skip }, () => {
    inNetworkNamespace(name, () => {
      using map = createMap(count);
      const maps = new Map([["count", map]]);
      const programs = [loadProgram(counting, maps), loadProgram(counting, maps)];
      const attachment = attach(programs[0]!);
      sendDatagrams(200, (index) => attachment.update(programs[index % 2]!));
      const seen = counted(map);
      // Each datagram, and a refusal for each: both arrive at loopback.
      assert.ok(seen >= 400 && seen <= 410, `${seen} packets`);
      attachment.detach();
      sendDatagrams(10, () => {});
      assert.equal(counted(map), seen);
      for (const program of programs) program.close();
      if ("close" in attachment) (attachment.close as () => void).call(attachment);
    });
  });
}
