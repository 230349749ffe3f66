/** Questions to other hosts, and to interfaces about what they do. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { formatMac, ip, mac, prefix } from "../net/index.ts";
import { probeOwners } from "./arp-probe.ts";
import { type ConnectProbe, probeConnections } from "./connect-probe.ts";
import { linkFeatures, setLinkFeature } from "./ethtool-features.ts";
import { close } from "./files.ts";
import { createNetworkNamespace, deleteNetworkNamespace, inNetworkNamespace } from "./namespace.ts";
import { addAddress } from "./netlink/address.ts";
import { getLink } from "./netlink/link.ts";
import { createVeth, setLink } from "./netlink/link-change.ts";
import { listNftTables } from "./netlink/nftables.ts";
import { addRoute, listRoutes, lookUpRoute } from "./netlink/route.ts";
import { withRouteSocket } from "./netlink/socket.ts";
import { encodeSocketAddress } from "./socket-address.ts";
import { AF, bindSocket, listenSocket, SOCK, socket } from "./sockets.ts";
import { writeSysctl } from "./sysctl.ts";

const skip = process.getuid?.() === 0 ? false : "network namespaces need root";
const A = `linuxtest-probe-a-${process.pid}`;
const B = `linuxtest-probe-b-${process.pid}`;
const PATIENCE = 300;

describe("probes", { skip }, () => {
  let listening = -1;

  before(() => {
    createNetworkNamespace(A);
    createNetworkNamespace(B);
    withRouteSocket((a) => {
      createVeth(
        a,
        { name: "v", mac: mac("2:0:0:0:0:1"), up: true },
        { name: "v", mac: mac("2:0:0:0:0:2"), namespace: B, up: true },
      );
      addAddress(a, "v", prefix("10.0.0.1/24"));
      addAddress(a, "v", prefix("10.9.0.1/32"));
    }, A);
    withRouteSocket((b) => {
      setLink(b, "lo", { up: true });
      addAddress(b, "v", prefix("10.0.0.2/24"));
      addAddress(b, "lo", prefix("10.0.0.7/32"));
    }, B);
    inNetworkNamespace(B, () => {
      listening = socket(AF.INET, SOCK.STREAM, 0);
      bindSocket(listening, encodeSocketAddress({ address: ip("10.0.0.2"), port: 80 }));
      listenSocket(listening);
    });
  });

  after(() => {
    if (listening >= 0) close(listening);
    deleteNetworkNamespace(A);
    deleteNetworkNamespace(B);
  });

  test("what becomes of connections", () => {
    const to = (address: string, port: number): ConnectProbe => ({ to: { address: ip(address), port } });
    const probes: ConnectProbe[] = [
      to("10.0.0.2", 80),
      to("10.0.0.2", 81),
      to("203.0.113.1", 80),
      to("10.0.0.99", 80),
      { ...to("10.0.0.2", 80), from: ip("10.9.0.1"), link: "v" },
      { ...to("10.0.0.2", 80), from: ip("203.0.113.5") },
    ];
    const started = performance.now();
    assert.deepEqual(
      inNetworkNamespace(A, () => probeConnections(probes, PATIENCE)),
      // The other host has no route to 10.9.0.1.
      ["accepted", "refused", "unreachable", "silent", "silent", "impossible"],
    );
    assert.ok(performance.now() - started < 10 * PATIENCE, "they are tried at the same time");
  });

  test("who else has an address", () => {
    const { index, mac: own } = withRouteSocket((socket) => getLink(socket, "v"), A);
    const owners = (address: string): string[] =>
      inNetworkNamespace(A, () => probeOwners([{ index, mac: own, address: ip(address) }], PATIENCE))[0]!.map(
        formatMac,
      );
    assert.deepEqual(owners("10.0.0.7"), ["02:00:00:00:00:02"]);
    assert.deepEqual(owners("10.0.0.1"), []);
    inNetworkNamespace(B, () => writeSysctl("net.ipv4.conf.all.arp_ignore", 1));
    assert.deepEqual(owners("10.0.0.7"), []);
  });

  test("features of an interface by name", () => {
    inNetworkNamespace(A, () => {
      assert.equal(linkFeatures("v").get("rx-udp-gro-forwarding"), false);
      setLinkFeature("v", "rx-udp-gro-forwarding", true);
      assert.equal(linkFeatures("v").get("rx-udp-gro-forwarding"), true);
      setLinkFeature("v", "rx-udp-gro-forwarding", false);
      assert.equal(linkFeatures("v").get("rx-udp-gro-forwarding"), false);
      assert.throws(() => setLinkFeature("v", "flying", true), /no interface feature "flying"/);
      assert.throws(() => linkFeatures("nosuch"), /ENODEV/);
    });
  });

  test("tables of nftables, of which there are none", () => {
    assert.deepEqual(inNetworkNamespace(A, listNftTables), []);
  });

  test("the MTU of a way is the link's unless the route says otherwise", () => {
    withRouteSocket((a) => {
      addRoute(a, { to: prefix("198.51.100.0/24"), via: ip("10.0.0.2") });
      assert.equal(lookUpRoute(a, ip("198.51.100.1")).mtu, undefined);
      assert.ok(listRoutes(a).every(({ advertisedMss }) => advertisedMss === undefined));
    }, A);
  });
});
