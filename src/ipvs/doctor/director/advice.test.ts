/** What is advised about servers: lines that say all, as an edit resets what they do not, and on which host. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Destination, ServiceStatus } from "../../model.ts";
import { examine } from "../examine.ts";
import type { DirectorFacts, ServerProbe } from "../facts.ts";
import {
  directorFacts,
  hostFacts,
  linkFacts,
  probed,
  serviceWith,
  summary,
  wayBy,
} from "../testing/hosts.ts";

function advice(
  changes: Partial<DirectorFacts>,
  neighbours: { address: string; mac: string }[] = [],
): string[] {
  return examine(hostFacts({ director: directorFacts(changes), neighbours })).map(summary);
}

const THRESHOLDS: Partial<Destination> = { upperThreshold: 10, lowerThreshold: 5 };

function withConnections(service: ServiceStatus, active: number): ServiceStatus {
  return { ...service, destinations: service.destinations.map((each) => ({ ...each, active })) };
}

test("all servers quiesced: method, port and thresholds stay", () => {
  const services = [serviceWith({ ...THRESHOLDS, port: 8080, weight: 0 })];
  assert.deepEqual(advice({ services }), [
    "warning | service-quiesced | TCP 192.0.2.1:80 | ipvsadm -e -t 192.0.2.1:80 -r 10.0.0.1:8080 -m -w 1 -x 10 -y 5",
  ]);
});

test("all servers quiesced, in a tunnel, by a mark", () => {
  const tunnel = { type: "gue", port: 6080, checksum: "full" } as const;
  const service = serviceWith({ method: "tunnel", tunnel, weight: 0, port: 0 });
  const key = { kind: "mark", family: 4, mark: 3_000_000_000 } as const;
  const [quiesced] = advice({
    services: [{ ...service, service: { ...service.service, key } }],
    ways: new Map([["10.0.0.1", wayBy("inside", { mtu: 1600 })]]),
  });
  assert.equal(
    quiesced,
    "warning | service-quiesced | FWM 3000000000 | ipvsadm -e -f 3000000000 -r 10.0.0.1:0 -i -w 1 --tun-type gue --tun-port 6080 --tun-csum",
  );
});

test("all servers at their threshold: method, port and weight stay", () => {
  const services = [withConnections(serviceWith({ ...THRESHOLDS, port: 8080, weight: 7 }), 10)];
  assert.deepEqual(advice({ services }), [
    "warning | service-overloaded | TCP 192.0.2.1:80 | ipvsadm -e -t 192.0.2.1:80 -r 10.0.0.1:8080 -m -w 7 -x 0",
  ]);
});

test("equal thresholds: method, port and weight stay", () => {
  const services = [serviceWith({ upperThreshold: 10, lowerThreshold: 10, port: 8080, weight: 7 })];
  assert.deepEqual(advice({ services }), [
    "warning | thresholds-equal | TCP 192.0.2.1:80 -> 10.0.0.1:8080 | ipvsadm -e -t 192.0.2.1:80 -r 10.0.0.1:8080 -m -w 7 -x 10 -y 7",
  ]);
});

test("direct routing behind a router: one line for each service", () => {
  const first = serviceWith({ ...THRESHOLDS, method: "route" });
  const key = { ...first.service.key, port: 443 } as typeof first.service.key;
  const second = serviceWith({ method: "route", port: 443, weight: 2 });
  const found = advice({
    services: [first, { ...second, service: { ...second.service, key } }],
    ways: new Map([["10.0.0.1", wayBy("inside", { via: "10.0.0.253" })]]),
  });
  assert.deepEqual(found, [
    "error | dr-not-on-link | 10.0.0.1 | ipvsadm -e -t 192.0.2.1:80 -r 10.0.0.1:80 -i -w 1 --tun-type ipip -x 10 -y 5 && ipvsadm -e -t 192.0.2.1:443 -r 10.0.0.1:443 -i -w 2 --tun-type ipip",
  ]);
});

for (const [port, options] of [
  [80, "-g -w 1"],
  // Under direct routing there is no such server.
  [8080, "--fullnat -w 1"],
] as const) {
  test(`a masqueraded server in the virtual address's network, port ${port}`, () => {
    const services = [serviceWith({ address: "192.0.2.9", port })];
    assert.deepEqual(advice({ services, ways: new Map([["192.0.2.9", wayBy("outside")]]) }), [
      `warning | nat-same-network | 192.0.2.1 -> 192.0.2.9 | ipvsadm -e -t 192.0.2.1:80 -r 192.0.2.9:${port} ${options}`,
    ]);
  });
}

const UNANSWERED: ServerProbe = {
  plain: "accepted",
  from: { address: "192.0.2.1", outcome: "silent" },
};

for (const [name, method, probe, finding] of [
  [
    "a server whose gateway is another",
    "masquerade",
    UNANSWERED,
    "error | nat-gateway | 10.0.0.1 | ip route replace default via 10.0.0.254    # on 10.0.0.1",
  ],
  [
    "a server without a way to a local address",
    "fullnat",
    UNANSWERED,
    "error | fullnat-local-address | TCP 192.0.2.1:80 -> 10.0.0.1:80 | ip route add 192.0.2.1 via 10.0.0.254    # on 10.0.0.1",
  ],
  [
    "a server without a program",
    "masquerade",
    { plain: "refused", from: null },
    "error | server-refuses | TCP 192.0.2.1:80 -> 10.0.0.1:80 | ss -ltn 'sport = :80'    # on 10.0.0.1",
  ],
] as const satisfies readonly (readonly [string, string, ServerProbe, string])[]) {
  test(`${name} is mended there`, () => {
    assert.deepEqual(advice({ services: [serviceWith({ method })], probes: probed(probe) }), [finding]);
  });
}

test("another host with the virtual address is mended there", () => {
  const mac = "02:00:00:00:00:07";
  const otherOwners = new Map([["192.0.2.1", [mac]]]);
  const sysctls = "sysctl -w net.ipv4.conf.all.arp_ignore=1 net.ipv4.conf.all.arp_announce=2";
  const where = "error | vip-answered-by-other | 192.0.2.1 (TCP 192.0.2.1:80)";
  assert.deepEqual(advice({ otherOwners }), [`${where} | ${sysctls}    # on the host with ${mac}`]);
  assert.deepEqual(advice({ otherOwners }, [{ address: "192.0.2.7", mac }]), [
    `${where} | ${sysctls}    # on 192.0.2.7`,
  ]);
});

test("names of interfaces are written for the shell", () => {
  const links = [linkFacts("lo"), linkFacts("outside"), linkFacts("c;d", { up: false })];
  const addresses = hostFacts().addresses.map((each) => ({
    ...each,
    link: each.link.replace("inside", "c;d"),
  }));
  const director = directorFacts({ ways: new Map([["10.0.0.1", wayBy("c;d")]]) });
  assert.deepEqual(examine(hostFacts({ links, addresses, director })).map(summary), [
    "error | interface-down | c;d | ip link set 'c;d' up",
  ]);
});
