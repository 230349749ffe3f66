import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { TC_REDIRECT, TC_SHOT } from "../bpf/index.ts";
import { TestDirector } from "../kernel/testing/director.ts";
import { interfaceOf, tcpFrame, udpFrame } from "../kernel/testing/frames.ts";
import { formatIp, parseIpPacket } from "../net/index.ts";
import type { Administration } from "./administration.ts";
import type { ConnectionEntry, Endpoint, ServiceKey, VirtualService } from "./model.ts";
import { SimulatedPlane } from "./simulated-plane.ts";
import { TableAdministration } from "./table-administration.ts";
import { plainServer, plainService } from "./testing/plain.ts";

const KEY: ServiceKey = { kind: "address", family: 4, protocol: "tcp", address: "192.0.2.1", port: 80 };
const WIDE: ServiceKey = { ...KEY, family: 6, address: "2001:db8:1::1" };
const MARK: ServiceKey = { kind: "mark", family: 4, mark: 7 };
const OWN = ["10.0.0.254", "2001:db8:a::254"];

function setUp() {
  const director = new TestDirector();
  const plane = new SimulatedPlane(director.machine, { addresses: OWN });
  return { director, administration: new TableAdministration(plane) };
}

function service(key: ServiceKey, changes: Partial<VirtualService> = {}): VirtualService {
  return plainService(key, { scheduler: "rr", ...changes });
}

function syn(director: TestDirector, from: string, to: string, mark = 0) {
  return director.receive(tcpFrame("client", from, to, "S"), { ifindex: interfaceOf("client"), mark });
}

const DATAGRAMS: ServiceKey = { ...KEY, protocol: "udp" };

/** A service of two servers, and a client that sends datagrams of one flow. */
function setUpDatagrams() {
  const { director, administration } = setUp();
  administration.addService(service(DATAGRAMS));
  for (const last of [1, 2]) administration.addDestination(DATAGRAMS, plainServer(`10.0.0.${last}`));
  const bytes = udpFrame("client", "198.18.0.10:40000", "192.0.2.1:80");
  return {
    director,
    administration,
    send: () => director.receive(bytes.slice(), { ifindex: interfaceOf("client") }),
  };
}

const text = ({ address, port }: Endpoint) => `${address} ${port}`;

/** An entry in one line. */
function line(entry: ConnectionEntry): string {
  const { protocol, state, template, method, source, local, virtual, destination } = entry;
  const ends = [source, virtual, ...(local === source ? [] : [local]), destination].map(text);
  return [template ? "template" : method, protocol, state, ...ends].join(", ");
}

test("a connection through a tunnel goes on when its server is edited, or comes back, as a masqueraded one", () => {
  const { director, administration } = setUp();
  const tunnelled = plainServer("10.0.0.1", {
    method: "tunnel",
    tunnel: { type: "ipip", port: 0, checksum: "none" },
  });
  const goesThroughTunnel = (flags: string) => {
    const { packet } = director.receive(tcpFrame("client", "198.18.0.1:40000", "192.0.2.1:80", flags), {
      ifindex: interfaceOf("client"),
    });
    const { protocol, source, destination } = parseIpPacket(packet.bytes.subarray(14));
    assert.deepEqual([protocol, formatIp(source), formatIp(destination)], [4, OWN[0], "10.0.0.1"]);
  };
  administration.addService(service(KEY));
  administration.addDestination(KEY, tunnelled);
  goesThroughTunnel("S");
  administration.apply([{ kind: "edit-destination", service: KEY, destination: plainServer("10.0.0.1") }]);
  goesThroughTunnel("A");
  administration.deleteDestination(KEY, tunnelled);
  administration.addDestination(KEY, plainServer("10.0.0.1"));
  goesThroughTunnel("A");
});

describe("connections as people see them", () => {
  test("of IPv6, with their addresses", () => {
    const { director, administration } = setUp();
    administration.addService(service(WIDE));
    administration.addDestination(WIDE, plainServer("2001:db8:a::1", { port: 8080 }));
    syn(director, "[2001:db8:c::9]:40000", "[2001:db8:1::1]:80");
    const [entry, ...more] = [...administration.connections()];
    assert.equal(
      line(entry!),
      "masquerade, TCP, SYN_RECV, 2001:db8:c::9 40000, 2001:db8:1::1 80, 2001:db8:a::1 8080",
    );
    assert.deepEqual(entry!.service, WIDE);
    assert.equal(entry!.timeout, 60);
    assert.equal(entry!.source.family, 6);
    assert.deepEqual(more, []);
  });

  test("of templates by Call-ID, with it", () => {
    for (const [key, from, to, rip, client] of [
      [{ ...KEY, protocol: "udp" }, "198.18.0.9:5060", "192.0.2.1:80", "10.0.0.1", "198.18.0.0"],
      [
        { ...WIDE, protocol: "udp" },
        "[2001:db8:c::9]:5060",
        "[2001:db8:1::1]:80",
        "2001:db8:a::1",
        "2001:db8:c::",
      ],
    ] as const) {
      const { director, administration } = setUp();
      const mask = key.family === 6 ? 64 : 0xffffff00;
      const settings = { persistence: { timeout: 60, mask }, engine: "sip", onePacket: true };
      administration.addService(service(key, settings));
      assert.equal(administration.services()[0]!.service.engine, "sip");
      administration.addDestination(key, plainServer(rip));
      const payload = Buffer.from("BYE sip:a SIP/2.0\r\nCall-ID: 1-27@198.18.0.9\r\n\r\n");
      director.receive(udpFrame("client", from, to, { payload }), { ifindex: interfaceOf("client") });
      const [entry, ...more] = [...administration.connections()];
      assert.equal(line(entry!), `template, UDP, NONE, ${client} 0, ${key.address} 80, ${rip} 80`);
      assert.deepEqual(entry!.engine, { name: "sip", data: "1-27@198.18.0.9" });
      assert.deepEqual(entry!.service, key);
      assert.deepEqual(more, []);
    }
  });

  test("through a tunnel to a server of the other family", () => {
    const { director, administration } = setUp();
    administration.addService(service(WIDE));
    const tunnel = { type: "ipip", port: 0, checksum: "none" } as const;
    administration.addDestination(WIDE, plainServer("10.0.0.1", { method: "tunnel", tunnel }));
    syn(director, "[2001:db8:c::9]:40000", "[2001:db8:1::1]:80");
    assert.deepEqual([...administration.connections()].map(line), [
      "tunnel, TCP, ESTABLISHED, 2001:db8:c::9 40000, 2001:db8:1::1 80, 10.0.0.1 80".replace(
        "ESTABLISHED",
        "SYN_RECV",
      ),
    ]);
  });

  test("of persistent services, with their templates", () => {
    const { director, administration } = setUp();
    administration.addService(service(KEY, { persistence: { timeout: 300, mask: 0xffffff00 } }));
    administration.addDestination(KEY, plainServer("10.0.0.1"));
    syn(director, "198.18.0.10:40000", "192.0.2.1:80");
    const entries = [...administration.connections()];
    assert.deepEqual(entries.map(line).sort(), [
      "masquerade, TCP, SYN_RECV, 198.18.0.10 40000, 192.0.2.1 80, 10.0.0.1 80",
      "template, TCP, NONE, 198.18.0.0 0, 192.0.2.1 80, 10.0.0.1 80",
    ]);
    const template = entries.find((each) => each.template)!;
    assert.equal(template.timeout, 300);
    assert.ok(template.expires >= 299);
    assert.deepEqual(template.service, KEY);
    assert.equal(administration.service(KEY)!.destinations[0]!.persistent, 1);
  });

  test("of services by mark: the template has the mark for an address", () => {
    const { director, administration } = setUp();
    administration.addService(service(MARK, { persistence: { timeout: 60, mask: 0xffffffff } }));
    administration.addDestination(MARK, plainServer("10.0.0.1", { port: 0 }));
    const wideMark: ServiceKey = { ...MARK, family: 6 };
    administration.addService(service(wideMark, { persistence: { timeout: 60, mask: 64 } }));
    administration.addDestination(wideMark, plainServer("2001:db8:a::1", { port: 0 }));
    syn(director, "198.18.0.10:40000", "192.0.2.9:443", 7);
    syn(director, "[2001:db8:c::9]:40000", "[2001:db8:1::9]:443", 7);
    assert.deepEqual([...administration.connections()].map(line).sort(), [
      "masquerade, TCP, SYN_RECV, 198.18.0.10 40000, 192.0.2.9 443, 10.0.0.1 443",
      "masquerade, TCP, SYN_RECV, 2001:db8:c::9 40000, 2001:db8:1::9 443, 2001:db8:a::1 443",
      "template, IP, NONE, 198.18.0.10 0, 0.0.0.7 0, 10.0.0.1 0",
      "template, IP, NONE, 2001:db8:c:: 0, 0:7:: 0, 2001:db8:a::1 0",
    ]);
  });

  test("of FullNAT, with the director's own end", () => {
    const { director, administration } = setUp();
    administration.addService(service(KEY));
    administration.addDestination(KEY, plainServer("10.0.0.1", { method: "fullnat" }));
    syn(director, "198.18.0.10:40000", "192.0.2.1:80");
    administration.addLocalAddress(KEY, "10.0.0.200");
    syn(director, "198.18.0.10:40001", "192.0.2.1:80");
    const locals = [...administration.connections()].map(({ method, local }) => `${method} ${local.address}`);
    assert.deepEqual(locals.sort(), ["fullnat 10.0.0.200", "fullnat 10.0.0.254"]);
    for (const { local, source } of administration.connections()) assert.notEqual(local.port, source.port);
  });

  test("do not name a service that is gone", () => {
    const { director, administration } = setUp();
    administration.addService(service(KEY));
    administration.addDestination(KEY, plainServer("10.0.0.1"));
    syn(director, "198.18.0.10:40000", "192.0.2.1:80");
    administration.deleteService(KEY);
    const [entry] = [...administration.connections()];
    assert.equal(entry!.service, null);
    assert.equal(entry!.destination.address, "10.0.0.1");
  });
});

describe("with sysctl expire_nodest_conn", () => {
  const removals: readonly (readonly [string, (administration: Administration) => void, number])[] = [
    ["a removed server", (each) => each.deleteDestination(KEY, plainServer("10.0.0.1")), 3],
    ["a removed service", (each) => each.deleteService(KEY), 0],
    ["all services", (each) => each.flush(), 0],
  ];
  for (const [what, remove, left] of removals) {
    test(`connections of ${what} end at once, templates too`, () => {
      for (const isSet of [false, true]) {
        const { director, administration } = setUp();
        administration.addService({
          ...service(KEY),
          persistence: { timeout: 300, mask: 0xffffffff },
        });
        for (const last of [1, 2]) administration.addDestination(KEY, plainServer(`10.0.0.${last}`));
        if (isSet) administration.setSysctl("expire_nodest_conn", "1");
        for (const [client, port] of [
          [10, 1],
          [10, 2],
          [11, 1],
          [11, 2],
        ] as const)
          syn(director, `198.18.0.${client}:${port}`, "192.0.2.1:80");
        assert.equal([...administration.connections()].length, 6);
        remove(administration);
        assert.equal([...administration.connections()].length, isSet ? left : 6);
        director.wait(3);
        assert.equal(director.connections().length, isSet ? left : 6);
      }
    });
  }

  test("a datagram of a connection whose server is gone is scheduled, and not lost", () => {
    const { administration, send } = setUpDatagrams();
    send();
    const [first] = [...administration.connections()];
    administration.deleteDestination(DATAGRAMS, plainServer(first!.destination.address));
    assert.equal(send().verdict, TC_SHOT, "without, it is dropped");
    administration.setSysctl("expire_nodest_conn", "1");
    assert.equal(send().verdict, TC_REDIRECT);
    const [second, ...more] = [...administration.connections()];
    assert.notEqual(second!.destination.address, first!.destination.address);
    assert.deepEqual(more, []);
  });
});

describe("ending connections", () => {
  test("those that match are gone at once, and their slots a second later", () => {
    const { director, administration } = setUp();
    administration.addService(service(KEY));
    for (const last of [1, 2]) administration.addDestination(KEY, plainServer(`10.0.0.${last}`));
    for (let i = 0; i < 6; i++) syn(director, `198.18.0.10:${40000 + i}`, "192.0.2.1:80");
    const matching = ({ destination }: ConnectionEntry) => destination.address === "10.0.0.1";
    assert.equal(administration.endConnections(matching), 3);
    assert.equal([...administration.connections()].length, 3);
    assert.equal(administration.endConnections(matching), 0);
    director.wait(3);
    const active = administration.service(KEY)!.destinations.map((each) => each.active);
    assert.deepEqual(active, [3, 0]);
    assert.equal(director.flowWords(), 6);
  });

  test("packets of one that was ended begin another", () => {
    const { director, administration, send } = setUpDatagrams();
    send();
    const [first] = [...administration.connections()];
    assert.equal(
      administration.endConnections(() => true),
      1,
    );
    send();
    const [second, ...more] = [...administration.connections()];
    assert.notEqual(second!.destination.address, first!.destination.address);
    assert.deepEqual(more, []);
    director.wait(3);
    assert.equal([...administration.connections()].length, 1);
  });

  test("templates end, too: the client is scheduled anew", () => {
    const { director, administration } = setUp();
    administration.addService(service(KEY, { persistence: { timeout: 300, mask: 0xffffffff } }));
    for (const last of [1, 2]) administration.addDestination(KEY, plainServer(`10.0.0.${last}`));
    syn(director, "198.18.0.10:40000", "192.0.2.1:80");
    assert.equal(
      administration.endConnections((entry) => entry.template),
      1,
    );
    director.wait(3);
    syn(director, "198.18.0.10:40001", "192.0.2.1:80");
    const chosen = [...administration.connections()]
      .filter((entry) => !entry.template)
      .map((entry) => entry.destination.address);
    assert.equal(new Set(chosen).size, 2);
    const persistent = administration.service(KEY)!.destinations.map((each) => each.persistent);
    assert.deepEqual(persistent.sort(), [0, 1]);
  });
});
