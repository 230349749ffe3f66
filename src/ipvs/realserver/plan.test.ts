/** From a host's state to steps and commands, and back: nothing here touches a host. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { commandsOfAll } from "./commands.ts";
import { after, type RealServerFacts } from "./facts.ts";
import { inverseOf, type Step, TUNNEL_TYPES, type Wanted } from "./model.ts";
import { type Plan, planStart, planStop } from "./plan.ts";
import { EMPTY_RECORD, type HostRecord, parseRecord, recordText } from "./record.ts";
import { isComplete, realServerRequirements } from "./requirements.ts";

const VIP = "192.168.0.38";
const OTHER = "192.168.0.39";
const VIP6 = "2001:db8::38";

const tunnel = { types: TUNNEL_TYPES, guePort: 6080 };
const dr = (vip = VIP, interfaces: readonly string[] | null = null): Wanted => ({
  ...{ vip, mode: "dr", interfaces, tunnel },
});
const tun = (vip = VIP, interfaces: readonly string[] | null = null): Wanted => ({
  ...{ vip, mode: "tun", interfaces, tunnel },
});

function host(sysctls: { readonly [name: string]: string } = {}): RealServerFacts {
  const link = { up: true, loopback: false, arp: true, ethernet: true, kind: undefined };
  const defaults = ["all", "lo", "eth0", "eth1"].flatMap((name) =>
    ["arp_ignore", "arp_announce", "rp_filter"].map(
      (each) => [`net/ipv4/conf/${name}/${each}`, "0"] as const,
    ),
  );
  return {
    links: [
      { ...link, name: "lo", loopback: true, arp: false, ethernet: false },
      { ...link, name: "eth0" },
      { ...link, name: "eth1" },
    ],
    addresses: [
      { address: "127.0.0.1", length: 8, link: "lo", label: "lo" },
      { address: "192.168.0.18", length: 24, link: "eth0", label: "eth0" },
    ],
    hostRoutes: [],
    broadcasts: ["192.168.0.255"],
    sysctls: new Map([
      ...defaults,
      ["net/ipv6/conf/lo/disable_ipv6", "0"] as const,
      ...Object.entries(sysctls).map(([name, value]) => [`net/ipv4/conf/${name}`, value] as const),
    ]),
    tunnelEnd: { links: [], outdated: [], addresses: new Map() },
  };
}

/** The host after these steps. */
const then = (facts: RealServerFacts, steps: readonly Step[]): RealServerFacts => steps.reduce(after, facts);

/** As text that two equal hosts share. */
function shown({ addresses, hostRoutes, sysctls, links, tunnelEnd }: RealServerFacts): string {
  const places = addresses.map(({ address, link, label }) => `${address} ${link} ${label}`).sort();
  const ends = [[...tunnelEnd.links].sort(), [...tunnelEnd.addresses].sort()];
  return JSON.stringify([places, hostRoutes, [...sysctls].sort(), links, ends]);
}

const start = (facts: RealServerFacts, record: HostRecord, ...wanted: Wanted[]): Plan =>
  planStart(facts, record, wanted);

describe("what a host is told for direct routing", () => {
  it("is what the tutorials' scripts do", () => {
    const { steps } = start(host(), EMPTY_RECORD, dr());
    assert.deepEqual(commandsOfAll(steps), [
      "sysctl -w net.ipv4.conf.lo.arp_ignore=1",
      "sysctl -w net.ipv4.conf.all.arp_ignore=1",
      "sysctl -w net.ipv4.conf.lo.arp_announce=2",
      "sysctl -w net.ipv4.conf.all.arp_announce=2",
      "ip address add 192.168.0.38/32 dev lo label lo:0",
      "ip route add 192.168.0.38/32 dev lo src 192.168.0.38",
    ]);
  });

  it("is nothing but the address over IPv6", () => {
    const { steps } = start(host(), EMPTY_RECORD, dr(VIP6));
    assert.deepEqual(commandsOfAll(steps), [
      "ip -6 address add 2001:db8::38/128 dev lo preferred_lft 0 nodad",
    ]);
  });

  it("is nothing where all is there, whoever made it", () => {
    const byHand = {
      ...host({ "all/arp_ignore": "1", "all/arp_announce": "2" }),
      hostRoutes: [VIP],
    };
    const addresses = [...byHand.addresses, { address: VIP, length: 32, link: "lo", label: "lo:0" }];
    const { steps, outcomes } = start({ ...byHand, addresses }, EMPTY_RECORD, dr());
    assert.deepEqual(steps, []);
    assert.equal(outcomes[0]!.changed, false);
  });

  it("takes another label than others have", () => {
    const { steps } = start(host(), EMPTY_RECORD, dr(), dr(OTHER));
    const labels = steps.flatMap((step) => (step.kind === "address" ? [step.label] : []));
    assert.deepEqual(labels, ["lo:0", "lo:1"]);
  });

  for (const [name, sysctls, expected] of [
    [
      "interfaces that are right by themselves are left alone",
      { "eth0/arp_ignore": "1", "eth1/arp_ignore": "2" },
      [],
    ],
    ["a stricter value for all is left alone", { "all/arp_ignore": "2" }, []],
    [
      "3 answers for what is on lo: an interface's own goes first",
      { "eth1/arp_ignore": "3" },
      ["lo/arp_ignore=1", "all/arp_ignore=1", "eth1/arp_ignore=1"],
    ],
    ["3 for all is no better", { "all/arp_ignore": "3" }, ["lo/arp_ignore=1", "all/arp_ignore=1"]],
  ] as const) {
    it(name, () => {
      const { steps } = start(host({ ...sysctls, "all/arp_announce": "2" }), EMPTY_RECORD, dr());
      const set = steps.flatMap((step) =>
        step.kind === "sysctl" ? [`${step.name.replace("net/ipv4/conf/", "")}=${step.to}`] : [],
      );
      assert.deepEqual(set, expected);
    });
  }

  it("loosens rp_filter only at interfaces that were named", () => {
    const strict = host({ "all/rp_filter": "1" });
    const names = (plan: Plan) =>
      commandsOfAll(plan.steps).filter((command) => command.includes("rp_filter"));
    assert.deepEqual(names(start(strict, EMPTY_RECORD, dr())), []);
    assert.deepEqual(names(start(strict, EMPTY_RECORD, dr(VIP, ["eth0"]))), [
      "sysctl -w net.ipv4.conf.eth0.rp_filter=2",
    ]);
  });
});

it("names of interfaces are written for the shell", () => {
  const [link, sysctl] = ["c;d", "net/ipv4/conf/a$b/rp_filter"];
  assert.deepEqual(
    commandsOfAll([
      { kind: "link", link, up: true },
      { kind: "sysctl", name: sysctl, from: "1", to: "2" },
    ]),
    ["ip link set 'c;d' up", "sysctl -w 'net.ipv4.conf.a$b.rp_filter=2'"],
  );
});

describe("what a host is told for tunnels", () => {
  it("loosens rp_filter, attaches, and then has the address", () => {
    const { steps } = start(host({ "eth0/rp_filter": "1" }), EMPTY_RECORD, tun(VIP, ["eth0"]));
    assert.deepEqual(
      steps.slice(4).map(({ kind }) => kind),
      ["sysctl", "attachment", "tunnel", "address", "route"],
    );
  });

  it("leaves complete what the kernel's own device does", () => {
    const devices = host({ "all/arp_ignore": "1", "all/arp_announce": "2" });
    const tunl0 = { name: "tunl0", up: true, loopback: false, arp: false, ethernet: false, kind: "ipip" };
    const byHand = {
      ...devices,
      links: [...devices.links, tunl0],
      addresses: [{ address: VIP, length: 32, link: "tunl0", label: "tunl0" }],
    };
    assert.equal(isComplete(realServerRequirements(byHand, tun())), true);
    assert.equal(isComplete(realServerRequirements({ ...byHand, links: devices.links }, tun())), false);
    const sysctls = new Map([...byHand.sysctls, ["net/ipv4/conf/tunl0/rp_filter", "1"] as const]);
    assert.equal(isComplete(realServerRequirements({ ...byHand, sysctls }, tun())), false);
  });

  it("makes an interface without an IPv4 address take packets, and leaves the others as strict as they are", () => {
    const before = host({ "all/rp_filter": "1", "lo/rp_filter": "1", "eth1/rp_filter": "2" });
    const plan = start(before, EMPTY_RECORD, tun(VIP, ["eth1"]));
    const sysctls = plan.steps.filter(({ kind }) => kind === "sysctl");
    const set = commandsOfAll(sysctls).filter((command) => command.includes("rp_filter"));
    assert.deepEqual(set, [
      "sysctl -w net.ipv4.conf.eth0.rp_filter=1",
      "sysctl -w net.ipv4.conf.all.rp_filter=0",
      "sysctl -w net.ipv4.conf.eth1.rp_filter=0",
    ]);
    const stop = planStop(then(before, plan.steps), plan.record, [VIP]);
    assert.equal(shown(then(then(before, plan.steps), stop.steps)), shown(before));
  });

  it("does not mind devices for the other version, nor those that modules make", () => {
    const device = { up: false, loopback: false, arp: true, ethernet: true, kind: "gretap" };
    const sit = { name: "sit0", up: true, loopback: false, arp: false, ethernet: false, kind: "sit" };
    const links = [...host().links, { ...device, name: "gretap0" }, sit];
    const { steps } = start({ ...host({ "sit0/rp_filter": "1" }), links }, EMPTY_RECORD, tun());
    assert.deepEqual(
      steps.flatMap((step) => (step.kind === "attachment" ? [step.link] : [])),
      ["eth0", "eth1"],
    );
    assert.ok(!commandsOfAll(steps).some((command) => command.includes("sit0")));
  });

  it("changes the port of one that is there", () => {
    const first = start(host(), EMPTY_RECORD, tun());
    const moved = { ...tun(), tunnel: { types: TUNNEL_TYPES, guePort: 5555 } };
    const second = start(then(host(), first.steps), first.record, moved);
    assert.deepEqual(
      second.steps.map((step) => (step.kind === "tunnel" ? [step.from!.guePort, step.to!.guePort] : step)),
      [[6080, 5555]],
    );
  });
});

describe("what is refused", () => {
  const at = (link: string, length = 32) => ({
    ...host(),
    addresses: [{ address: VIP, length, link, label: link }],
  });
  for (const [name, facts, wanted, message] of [
    ["the server's own address", at("eth0", 24), dr(), /own address on eth0/],
    [
      "an address on another interface",
      { ...at("dummy0"), links: [...host().links, { ...host().links[0]!, name: "dummy0", loopback: false }] },
      dr(),
      /is on dummy0 already/,
    ],
    ["a whole network on lo", at("lo", 24), dr(), /lo has 192.168.0.38\/24/],
    ["a network's broadcast address", host(), dr("192.168.0.255"), /broadcast address of a network/],
    [
      "an interface that is not there",
      host(),
      tun(VIP, ["eth9"]),
      /no interface "eth9".*there are eth0, eth1/,
    ],
    [
      "IPv6 where it is off",
      { ...host(), sysctls: new Map([["net/ipv6/conf/lo/disable_ipv6", "1"]]) },
      dr(VIP6),
      /IPv6 is off on lo/,
    ],
    ["IPv6 where there is none", { ...host(), sysctls: new Map() }, dr(VIP6), /kernel has no IPv6/],
  ] as const) {
    it(name, () => {
      assert.throws(() => start(facts, EMPTY_RECORD, wanted), { code: "OBSTACLE", message });
    });
  }

  it("another mode than it is set up for", () => {
    const { record, steps } = start(host(), EMPTY_RECORD, tun());
    assert.throws(() => start(then(host(), steps), record, dr()), { code: "OTHER_MODE" });
  });
});

describe("stopping", () => {
  const wanted = [dr(), tun(OTHER, ["eth1"]), tun(VIP6), dr("2001:db8::39")];

  it("gives back what was, in whatever order", () => {
    const before = host({ "eth0/rp_filter": "1", "all/arp_announce": "1", "eth1/rp_filter": "1" });
    for (let seed = 0; seed < 24; seed++) {
      const starts = permuted(wanted, seed);
      let facts = before;
      let record = EMPTY_RECORD;
      for (const each of starts) {
        const plan = start(facts, record, each);
        facts = then(facts, plan.steps);
        record = parseRecord(recordText(plan.record, "boot"), "boot");
      }
      for (const { vip } of permuted(wanted, 7 * seed + 3)) {
        const plan = planStop(facts, record, [vip]);
        facts = then(facts, plan.steps);
        record = plan.record;
        for (const left of wanted.filter((each) => record.addresses.has(each.vip))) {
          assert.ok(isComplete(realServerRequirements(facts, left)), `${left.vip} after ${vip} was stopped`);
        }
        assert.deepEqual(plan.outcomes[0]!.notes, []);
      }
      assert.equal(shown(facts), shown(before));
      assert.deepEqual(record, EMPTY_RECORD);
    }
  });

  it("after being killed anywhere gives back what was, and so does starting again first", () => {
    const before = host({ "eth1/rp_filter": "1" });
    const whole = start(before, EMPTY_RECORD, tun());
    for (let count = 0; count <= whole.steps.length; count++) {
      const half = then(before, whole.steps.slice(0, count));
      const stopped = planStop(half, whole.record, [VIP]);
      assert.equal(shown(then(half, stopped.steps)), shown(before));
      const again = start(half, whole.record, tun());
      assert.deepEqual(again.steps, whole.steps.slice(count));
      assert.deepEqual(again.record, whole.record);
      // Killed while stopping: the record is still the old one.
      const full = then(before, whole.steps);
      const stop = planStop(full, whole.record, [VIP]);
      const left = then(full, stop.steps.slice(0, count));
      assert.equal(shown(then(left, planStop(left, whole.record, [VIP]).steps)), shown(before));
    }
  });

  it("leaves a sysctl that somebody else has set since, and says so", () => {
    const { steps, record } = start(host(), EMPTY_RECORD, dr());
    const name = "net/ipv4/conf/all/arp_ignore";
    const facts = after(then(host(), steps), { kind: "sysctl", name, from: "1", to: "2" });
    const plan = planStop(facts, record, [VIP]);
    assert.equal(then(facts, plan.steps).sysctls.get(name), "2");
    assert.match(plan.outcomes[0]!.notes.join(), /net.ipv4.conf.all.arp_ignore stays 2/);
    assert.deepEqual(plan.record, EMPTY_RECORD);
  });

  it("keeps what an address by hand relies on, and leaves the address", () => {
    const first = start(host(), EMPTY_RECORD, dr());
    const addresses = [...host().addresses, { address: OTHER, length: 32, link: "lo", label: "lo:5" }];
    const both = then({ ...host(), addresses }, first.steps);
    const second = start(both, first.record, dr(OTHER));
    assert.deepEqual(
      second.steps.map(({ kind }) => kind),
      ["route"],
    );
    const without = planStop(then(both, second.steps), second.record, [VIP]);
    const left = then(then(both, second.steps), without.steps);
    assert.ok(isComplete(realServerRequirements(left, dr(OTHER))));
    const last = planStop(left, without.record, [OTHER]);
    assert.match(last.outcomes[0]!.notes.join(), /192.168.0.39 stays on lo: it was not put there by lvs/);
    assert.equal(shown(then(left, last.steps)), shown({ ...host(), addresses }));
  });

  it("what was not started changes nothing", () => {
    const { steps, outcomes } = planStop(host(), EMPTY_RECORD, [VIP]);
    assert.deepEqual(steps, []);
    assert.deepEqual(outcomes, [{ vip: VIP, changed: false, remains: false, notes: [] }]);
  });
});

it("a record of another boot is none", () => {
  const { record } = start(host(), EMPTY_RECORD, dr());
  assert.deepEqual(parseRecord(recordText(record, "one"), "one"), record);
  assert.deepEqual(parseRecord(recordText(record, "one"), "two"), EMPTY_RECORD);
  assert.throws(() => parseRecord("{", "one"), SyntaxError);
});

it("a step undone twice is the step", () => {
  const { steps } = start(host(), EMPTY_RECORD, tun());
  for (const step of steps) assert.deepEqual(inverseOf(inverseOf(step)), step);
  const undone = [...steps].reverse().map(inverseOf);
  assert.equal(shown(then(then(host(), steps), undone)), shown(host()));
});

function permuted<T>(list: readonly T[], seed: number): T[] {
  const rest = [...list];
  let state = seed;
  return list.map(() => {
    const index = state % rest.length;
    state = Math.floor(state / rest.length) + 5;
    return rest.splice(index, 1)[0]!;
  });
}
