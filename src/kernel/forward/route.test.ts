import assert from "node:assert/strict";
import { test } from "node:test";
import { TC_NEXT, TC_REDIRECT } from "../../bpf/index.ts";
import { destinationTable } from "../tables.ts";
import { CLIENT_SIDE, SERVER_SIDE } from "../testing/director.ts";
import { tcpFrame } from "../testing/frames.ts";
import { routeEntry, SERVER } from "./testing/entries.ts";
import { directorOf, through } from "./testing/through.ts";

const FAMILIES = [
  {
    family: 4,
    client: "198.18.0.10:40000",
    virtual: "192.0.2.1:80",
    commands: ["ipvsadm -A -t 192.0.2.1:80 -s rr", "ipvsadm -a -t 192.0.2.1:80 -r 10.0.0.1 -g"],
    next: { family: 2, address: [0x0a000001, 0, 0, 0] },
  },
  {
    family: 6,
    client: "[2001:db8:1::10]:40000",
    virtual: "[2001:db8:f::1]:80",
    commands: [
      "ipvsadm -A -t [2001:db8:f::1]:80 -s rr",
      "ipvsadm -a -t [2001:db8:f::1]:80 -r [2001:db8:a::1] -g",
    ],
    next: { family: 10, address: [0x20010db8, 0x000a0000, 0, 1] },
  },
] as const;

for (const { family, client, virtual, commands, next } of FAMILIES) {
  const frame = (settings = {}) => tcpFrame("client", client, virtual, "PA", settings);

  test(`IPv${family}: only addresses of the frame and the time to live change`, () => {
    const director = directorOf(family, ...commands);
    const sent = frame({ payload: new Uint8Array(100) });
    for (const round of [1, 2]) {
      const { verdict, packet, out } = through(director, routeEntry, sent);
      assert.equal(verdict, TC_REDIRECT);
      assert.equal(out, SERVER_SIDE);
      const expected = frame({ payload: new Uint8Array(100), ip: { timeToLive: 63 } });
      assert.deepEqual(packet.bytes.subarray(14), expected.subarray(14));
      // The first is handed to the kernel's neighbour code, the next by the way that it knew.
      if (round === 1) assert.deepEqual(packet.redirected?.next, next);
      else assert.deepEqual([...packet.bytes.subarray(0, 12)], [2, 0, 0, 0, 0, 4, 2, 0, 0, 0, 0, 3]);
    }
    assert.equal(director.lookups, 1);
    director.wait(2);
    through(director, routeEntry, sent);
    assert.equal(director.lookups, 2, "asked anew");
  });

  test(`IPv${family}: while the neighbour is not known, the kernel finds it`, () => {
    const director = directorOf(family, ...commands);
    director.neighboursKnown = false;
    for (let round = 0; round < 3; round++) {
      const { packet } = through(director, routeEntry, frame());
      assert.equal(packet.redirected?.kind, "redirectNeighbour");
      assert.deepEqual(packet.redirected?.next, next);
    }
  });

  test(`IPv${family}: what is for a server on this host goes up untouched`, () => {
    const director = directorOf(family, ...commands);
    const sent = frame();
    director.machine.run(() => {
      destinationTable.lookup(SERVER)!.address.words[0] = 0x01020304;
      destinationTable.lookup(SERVER)!.isLocal = 1;
    });
    const { verdict, packet } = through(director, routeEntry, sent);
    assert.equal(verdict, TC_NEXT);
    assert.deepEqual(packet.bytes, sent);
  });
}

test("the last hop is here: time exceeded, by a way that is known and by one that is not", () => {
  const { client, virtual, commands } = FAMILIES[0];
  const director = directorOf(4, ...commands);
  const frame = (timeToLive: number) => tcpFrame("client", client, virtual, "A", { ip: { timeToLive } });
  for (let round = 0; round < 2; round++) {
    const { packet, out } = through(director, routeEntry, frame(1));
    assert.equal(out, CLIENT_SIDE);
    assert.deepEqual([packet.bytes[23], packet.bytes[34]], [1, 11]);
    through(director, routeEntry, frame(9));
  }
});

test("too large for the way: answered with its MTU if it must not be fragmented", () => {
  const { client, virtual, commands } = FAMILIES[0];
  const director = directorOf(4, ...commands);
  director.mtus.set(SERVER_SIDE, 1400);
  const frame = (payload: number, dontFragment: boolean) =>
    tcpFrame("client", client, virtual, "A", { payload: new Uint8Array(payload), ip: { dontFragment } });
  for (let round = 0; round < 2; round++) {
    const { packet, out } = through(director, routeEntry, frame(1361, true));
    assert.equal(out, CLIENT_SIDE);
    assert.deepEqual([packet.bytes[34], packet.bytes[35]], [3, 4]);
    assert.equal(packet.data.getUint16(40), 1400);
    assert.equal(through(director, routeEntry, frame(1360, true)).out, SERVER_SIDE);
  }
  const segments = { gsoSize: 1300, gsoSegments: 4 };
  assert.equal(through(director, routeEntry, frame(5000, true), segments).out, SERVER_SIDE);
  assert.equal(
    through(director, routeEntry, frame(5000, true), { ...segments, gsoSize: 1361 }).out,
    CLIENT_SIDE,
  );
});
