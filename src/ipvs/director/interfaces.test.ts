import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { decode, type MapDefinition } from "../../bpf/index.ts";
import { type LoadedMap, openMap } from "../../bpf/loader/index.ts";
import {
  Destination as DestinationSchema,
  destinationTable,
  hostAddresses,
  InterfaceAddresses,
  interfaceAddresses,
} from "../../kernel/tables.ts";
import {
  addAddress,
  createVeth,
  currentNetworkNamespace,
  deleteAddress,
  findLink,
  readSysctl,
  setLink,
  withRouteSocket,
  writeSysctl,
} from "../../linux/index.ts";
import { endpoint, formatIp, parsePrefix } from "../../net/index.ts";
import { bytesOfNumber } from "../configuration/address.ts";
import { type ExplainRequest, explainPacket } from "../explain/explain.ts";
import { DETACHED } from "./interfaces.ts";
import { openAdministration } from "./kernel-administration.ts";
import { attach, detach, directorStatus, unload } from "./status.ts";
import {
  attachedTo,
  inFreshNamespace,
  KEY,
  options,
  pins,
  server,
  service,
  skip,
  useOwnPlace,
} from "./testing/own-place.ts";

const PACKET: ExplainRequest = {
  ...{ protocol: "udp", flags: null, length: null, dontFragment: false, interface: "v0", mac: null, mark: 0 },
  source: endpoint("198.51.100.7:4000"),
  destination: endpoint("192.0.2.1:80"),
};

/** A table of the director of the thread's namespace, opened from its pin. */
function withTable<T>(definition: MapDefinition, work: (map: LoadedMap) => T): T {
  const { cookie } = currentNetworkNamespace();
  const map = openMap(join(pins, String(cookie), definition.name), definition)!;
  try {
    return work(map);
  } finally {
    map.close();
  }
}

/** "address source isLocal" of the servers in use. */
function sourcesAndLocality(): string[] {
  const text = (address: { readonly words: readonly number[] }) => formatIp(bytesOfNumber(address.words[0]!));
  return withTable(destinationTable, (map) =>
    Array.from({ length: 8 }, (_, row) => decode(DestinationSchema, map.memory(), row * map.stride))
      .filter((each) => each.available !== 0)
      .map(({ address, source, isLocal }) => `${text(address)} ${text(source)} ${isLocal}`)
      .sort(),
  );
}

/** The IPv4 address that the datapath sends from on an interface. */
function ownAddressOf(index: number): string {
  return withTable(interfaceAddresses, (map) => {
    const value = map.lookup(new Uint8Array(Uint32Array.of(index).buffer))!;
    return formatIp(bytesOfNumber(decode(InterfaceAddresses, value).ipv4));
  });
}

/** IPv6 addresses of the host from which its errors come where a packet was sent to them. */
function wideAddresses(): string[] {
  return withTable(hostAddresses, (map) => [...map.keys()].map((key) => formatIp(key)).sort());
}

describe("a director and its host's interfaces", { skip }, () => {
  useOwnPlace();

  test("knows its own addresses, and those it reaches others from", () => {
    inFreshNamespace(() => {
      const give = (text: string) =>
        withRouteSocket((socket) => {
          setLink(socket, "v0", { up: true });
          addAddress(socket, "v0", parsePrefix(text)!);
        });
      give("10.0.0.254/24");
      give("192.0.2.1/32");
      const director = openAdministration(options);
      director.addService(service());
      const tunnel = { type: "ipip", port: 0, checksum: "none" } as const;
      director.addDestination(KEY, server(1, { method: "tunnel", tunnel }));
      director.addDestination(KEY, server(2));
      assert.deepEqual(sourcesAndLocality(), ["10.0.0.1 10.0.0.254 0", "10.0.0.2 0.0.0.0 0"]);
      assert.equal(directorStatus(options).program?.options.localServers, false);
      give("10.0.0.2/24");
      assert.equal(attach([], options), true);
      assert.deepEqual(sourcesAndLocality(), ["10.0.0.1 10.0.0.254 0", "10.0.0.2 0.0.0.0 1"]);
      assert.equal(directorStatus(options).program?.options.localServers, true);
      assert.throws(
        () => director.addDestination(KEY, { ...server(1), address: "10.0.0.255" }),
        /invalid value/,
      );
      const { index } = withRouteSocket((socket) => findLink(socket, "v0"))!;
      assert.equal(ownAddressOf(index), "10.0.0.254");
      assert.deepEqual(wideAddresses(), []);
      writeSysctl("net.ipv6.conf.v0.accept_dad", 0);
      for (const address of ["2001:db8::1/128", "2001:db8::2/64"]) give(address);
      attach([], options);
      assert.deepEqual(wideAddresses(), ["2001:db8::1", "2001:db8::2"]);
      withRouteSocket((socket) => deleteAddress(socket, "v0", parsePrefix("2001:db8::1/128")!));
      attach([], options);
      assert.deepEqual(wideAddresses(), ["2001:db8::2"]);
      director.close();
    });
  });

  test("sets what it needs of loopback, and sets it back", () => {
    inFreshNamespace(() => {
      const settings = () => ({
        acceptLocal: readSysctl("net.ipv4.conf.lo.accept_local"),
        forwarding: readSysctl("net.ipv4.conf.lo.forwarding"),
      });
      writeSysctl("net.ipv4.ip_forward", 0);
      assert.deepEqual(settings(), { acceptLocal: "0", forwarding: "0" });
      const director = openAdministration(options);
      director.addService(service());
      assert.deepEqual(settings(), { acceptLocal: "1", forwarding: "1" });
      assert.equal(readSysctl("net.ipv4.ip_forward"), "0");
      assert.equal(directorStatus(options).localClients, true);
      detach(["lo"], options);
      assert.deepEqual(settings(), { acceptLocal: "0", forwarding: "1" });
      assert.equal(directorStatus(options).localClients, false);
      attach(["lo"], options);
      assert.deepEqual(settings(), { acceptLocal: "1", forwarding: "1" });
      unload(options);
      assert.deepEqual(settings(), { acceptLocal: "0", forwarding: "0" });
      director.addService(service());
      writeSysctl("net.ipv4.ip_forward", 1);
      unload(options);
      assert.deepEqual(settings(), { acceptLocal: "0", forwarding: "1" });
      director.close();
    });
  });

  test("finds interfaces that come later, and leaves alone those it was taken off", () => {
    inFreshNamespace(() => {
      const director = openAdministration(options);
      director.addService(service());
      withRouteSocket((socket) => createVeth(socket, { name: "late" }, { name: "peer" }));
      assert.deepEqual(attachedTo(), ["lo", "v0", "v1"]);
      director.addDestination(KEY, server(1));
      assert.deepEqual(attachedTo(), ["late", "lo", "peer", "v0", "v1"]);
      detach(["v0", "late"], options);
      director.editDestination(KEY, server(1, { weight: 2 }));
      assert.deepEqual(attachedTo(), ["lo", "peer", "v1"]);
      attach(["v0"], options);
      assert.deepEqual(attachedTo(), ["lo", "peer", "v0", "v1"]);
      detach([], options);
      director.zero();
      assert.deepEqual(attachedTo(), []);
      attach(["v1"], options);
      director.editDestination(KEY, server(1, { weight: 3 }));
      assert.deepEqual(attachedTo(), ["v1"]);
      attach([], options);
      assert.deepEqual(attachedTo(), ["late", "lo", "peer", "v0", "v1"]);
      assert.throws(() => attach(["nosuch"], options), /no interface "nosuch".*there are lo, /);
      assert.throws(() => detach(["nosuch"], options), /no interface "nosuch"/);
      director.close();
    });
  });

  test("leaves alone what it was taken off before its first service", () => {
    inFreshNamespace((cookie) => {
      assert.throws(() => detach(["nosuch"], options), /no interface "nosuch"/);
      assert.equal(existsSync(join(pins, String(cookie))), false);
      detach(["v0"], options);
      assert.equal(directorStatus(options).program, null);
      const excluded = () => {
        const { interfaces } = directorStatus(options);
        return interfaces.filter((each) => each.excluded === DETACHED).map(({ name }) => name);
      };
      assert.deepEqual(excluded(), ["v0"]);
      const explanation = explainPacket(PACKET, options);
      assert.deepEqual(explanation.steps, [
        { step: "interface", name: "v0", attached: false, why: DETACHED },
      ]);
      const director = openAdministration(options);
      director.addService(service());
      assert.deepEqual(attachedTo(), ["lo", "v1"]);
      unload(options);
      detach([], options);
      director.addService(service());
      assert.deepEqual(attachedTo(), []);
      attach(["v1"], options);
      assert.deepEqual(attachedTo(), ["v1"]);
      director.close();
    });
  });
});
