import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { formatIp, formatMac, formatPrefix, ip, mac, prefix } from "../../net/index.ts";
import { hasCode, type SystemError } from "../errno.ts";
import { createNetworkNamespace, deleteNetworkNamespace } from "../namespace.ts";
import { addAddress, deleteAddress, listAddresses } from "./address.ts";
import { openGenericSocket, resolveGenericFamily } from "./generic.ts";
import { decodeLink, findLink, getLink, listLinks, RTM, RTNLGRP } from "./link.ts";
import { createBridge, createDummy, createVeth, deleteLink, setLink } from "./link-change.ts";
import { deleteNeighbour, listNeighbours, NUD, setNeighbour } from "./neighbour.ts";
import { addRoute, deleteRoute, listRoutes, lookUpRoute, replaceRoute } from "./route.ts";
import { type NetlinkSocket, openRouteSocket } from "./socket.ts";

const skip = process.getuid?.() === 0 ? false : "changing networks needs root";
const A = `linuxtest-nl-a-${process.pid}`;
const B = `linuxtest-nl-b-${process.pid}`;

describe("rtnetlink", { skip }, () => {
  let a: NetlinkSocket;
  let b: NetlinkSocket;

  before(() => {
    createNetworkNamespace(A);
    createNetworkNamespace(B);
    a = openRouteSocket(A);
    b = openRouteSocket(B);
    createVeth(
      a,
      { name: "va", mac: mac("2:0:0:0:0:1"), mtu: 1400, up: true },
      { name: "vb", mac: mac("2:0:0:0:0:2"), namespace: B, up: true, queues: 2 },
    );
  });

  after(() => {
    a.close();
    b.close();
    deleteNetworkNamespace(A);
    deleteNetworkNamespace(B);
  });

  test("a veth pair spans two namespaces", () => {
    const va = getLink(a, "va");
    const vb = getLink(b, "vb");
    assert.equal(va.kind, "veth");
    assert.equal(va.mtu, 1400);
    assert.equal(formatMac(va.mac), "02:00:00:00:00:01");
    assert.ok(va.up && vb.up && va.peerElsewhere && va.peer === vb.index);
    assert.deepEqual(getLink(a, va.index).name, "va");
    assert.equal(findLink(a, "vb"), undefined);
    const names = listLinks(a).map((link) => link.name);
    assert.ok(names.includes("va") && !names.includes("vb"));
    assert.ok(listLinks(a)[0]?.loopback);
  });

  test("errors name the interfaces there are, and carry the kernel's words", () => {
    assert.throws(() => getLink(a, "nope"), /netlink interface nope: ENODEV .*interfaces here are lo, .*va/);
    assert.throws(() => getLink(a, "a name that is too long"), /ENODEV/);
    assert.throws(
      () => createVeth(a, { name: "va" }, { name: "vx" }),
      (error: SystemError) => error.code === "EEXIST" && /create veth pair va\/vx/.test(error.message),
    );
    assert.throws(() => createBridge(a, { name: "a/b" }), RangeError);
    assert.throws(
      () => addRoute(a, { to: prefix("10.1.0.0/16"), via: ip("10.99.0.1") }),
      (error: SystemError) =>
        error.code === "ENETUNREACH" && /Nexthop has invalid gateway/.test(error.message),
    );
  });

  test("links change: down, MTU, name, address, master", () => {
    createBridge(a, { name: "br0", up: true });
    createVeth(a, { name: "p0", up: true }, { name: "p1" });
    setLink(a, "p0", { master: "br0", mtu: 1300, mac: mac("2:0:0:0:0:9") });
    const bridge = getLink(a, "br0");
    const port = getLink(a, "p0");
    assert.equal(port.master, bridge.index);
    assert.equal(port.mtu, 1300);
    assert.equal(formatMac(port.mac), "02:00:00:00:00:09");
    setLink(a, "p0", { master: null, up: false });
    assert.equal(getLink(a, "p0").master, undefined);
    assert.equal(getLink(a, "p0").up, false);
    setLink(a, "p1", { name: "p2", namespace: B });
    assert.equal(findLink(a, "p1"), undefined);
    assert.equal(getLink(b, "p2").kind, "veth");
    deleteLink(a, "p0");
    assert.equal(findLink(b, "p2"), undefined);
    deleteLink(a, "br0");
  });

  test("a dummy link", (t) => {
    try {
      createDummy(a, { name: "d0" });
    } catch (error) {
      if (!hasCode(error, "EOPNOTSUPP")) throw error;
      assert.match((error as Error).message, /this kernel has no dummy links/);
      t.skip("this kernel has no dummy links");
      return;
    }
    deleteLink(a, "d0");
  });

  test("addresses, IPv4 and IPv6", () => {
    addAddress(a, "va", prefix("10.0.0.1/24"));
    addAddress(a, "va", prefix("2001:db8::1/64"));
    addAddress(b, "vb", prefix("10.0.0.2/24"));
    assert.throws(() => addAddress(a, "va", prefix("10.0.0.1/24")), /EEXIST/);
    const found = listAddresses(a, "va").filter((each) => each.scope === 0);
    assert.deepEqual(found.map((each) => formatPrefix(each.prefix)).sort(), [
      "10.0.0.1/24",
      "2001:db8::1/64",
    ]);
    assert.equal(formatIp(found[0]?.broadcast ?? ip("::")), "10.0.0.255");
    assert.equal(listAddresses(a, "lo").length, 0);
    assert.ok(listAddresses(a).length >= 2);
    addAddress(a, "va", prefix("10.0.1.1/32"));
    deleteAddress(a, "va", prefix("10.0.1.1/32"));
    assert.throws(() => deleteAddress(a, "va", prefix("10.0.1.1/32")), /EADDRNOTAVAIL/);
  });

  test("routes, IPv4 and IPv6", () => {
    addRoute(a, { via: ip("10.0.0.2") });
    addRoute(a, { to: prefix("192.0.2.0/24"), link: "va", metric: 5, source: ip("10.0.0.1") });
    addRoute(a, { to: prefix("2001:db8:1::/48"), via: ip("2001:db8::2") });
    replaceRoute(a, { via: ip("10.0.0.3") });
    const routes = listRoutes(a);
    const defaultRoute = routes.find((route) => route.version === 4 && route.to === undefined);
    assert.equal(formatIp(defaultRoute?.via ?? ip("::")), "10.0.0.3");
    const direct = routes.find((route) => route.to && formatPrefix(route.to) === "192.0.2.0/24");
    assert.equal(direct?.metric, 5);
    assert.equal(direct?.link, getLink(a, "va").index);
    assert.ok(routes.some((route) => route.to && formatPrefix(route.to) === "2001:db8:1::/48"));
    assert.equal(formatIp(lookUpRoute(a, ip("8.8.8.8")).via ?? ip("::")), "10.0.0.3");
    assert.equal(formatIp(lookUpRoute(a, ip("10.0.0.2")).source ?? ip("::")), "10.0.0.1");
    assert.ok(listRoutes(a, { version: 6 }).every((route) => route.version === 6));
    assert.ok(listRoutes(a, { table: 255 }).some((route) => route.type === 2));
    deleteRoute(a, {});
    assert.throws(() => deleteRoute(a, {}), /ESRCH/);
  });

  test("of a table, only its own routes are sent", (context) => {
    const dumped = context.mock.method(a, "dump");
    assert.deepEqual(listRoutes(a, { table: 7777 }), []);
    addRoute(a, { to: prefix("198.51.100.0/24"), link: "va", table: 7777 });
    assert.deepEqual(
      listRoutes(a, { table: 7777, version: 4 }).map(({ to }) => to && formatPrefix(to)),
      ["198.51.100.0/24"],
    );
    assert.equal(dumped.mock.calls.at(-1)?.result?.length, 1);
    assert.ok(listRoutes(a, { table: 0 }).some(({ table }) => table === 7777));
    deleteRoute(a, { to: prefix("198.51.100.0/24"), link: "va", table: 7777 });
  });

  test("neighbours", () => {
    setNeighbour(a, "va", ip("10.0.0.77"), mac("2:0:0:0:0:77"));
    setNeighbour(a, "va", ip("2001:db8::77"), mac("2:0:0:0:0:78"));
    const [four] = listNeighbours(a, "va").filter(({ address }) => formatIp(address) === "10.0.0.77");
    assert.equal(formatMac(four?.mac ?? mac("0:0:0:0:0:0")), "02:00:00:00:00:77");
    assert.equal(four?.state, NUD.PERMANENT);
    assert.ok(listNeighbours(a).some(({ address }) => formatIp(address) === "2001:db8::77"));
    deleteNeighbour(a, "va", ip("10.0.0.77"));
    assert.throws(() => deleteNeighbour(a, "va", ip("10.0.0.78")), /ENOENT/);
  });

  test("changes are told to those who listen", () => {
    const listener = openRouteSocket(A);
    listener.join(RTNLGRP.LINK);
    assert.deepEqual(listener.notifications(0), []);
    setLink(a, "va", { mtu: 1450 });
    const [first] = listener.notifications(1000);
    assert.equal(first?.type, RTM.NEWLINK);
    assert.equal(decodeLink(first!).mtu, 1450);
    listener.close();
  });

  test("requests sent together each have their own outcome", () => {
    const get = (index: number) => ({
      type: RTM.GETLINK,
      header: Uint8Array.from([0, 0, 0, 0, index, ...new Array(11).fill(0)]),
      name: `get ${index}`,
    });
    const outcomes = a.requestAll([get(1), get(200), get(1)]);
    assert.deepEqual(
      outcomes.map((error) => error?.code),
      [undefined, "ENODEV", undefined],
    );
  });

  test("generic families are looked up by name", () => {
    const socket = openGenericSocket();
    assert.equal(resolveGenericFamily(socket, "nlctrl").id, 16);
    assert.ok(resolveGenericFamily(socket, "nlctrl").groups.has("notify"));
    assert.throws(() => resolveGenericFamily(socket, "NOSUCHTHING"), /ENOENT.*does not have it/);
    socket.close();
  });
});
