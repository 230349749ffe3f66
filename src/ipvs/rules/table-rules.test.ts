import assert from "node:assert/strict";
import { test } from "node:test";
import { createMachine, type Machine } from "../../bpf/index.ts";
import { ruleCounts } from "../../kernel/tables.ts";
import { IpvsError } from "../errors.ts";
import { KillablePlane, Killed } from "../testing/killable-plane.ts";
import { emptyRuleSet, type Match, NO_COUNTERS, type Rule, type RuleSet } from "./model.ts";
import { TableRules } from "./table-rules.ts";
import {
  ACCEPT,
  DROP,
  goTo,
  jump,
  mark,
  planeOf,
  protocol,
  rule,
  ruleSet,
  toPort,
  within,
} from "./testing/rules.ts";

function tables(): { machine: Machine; rules: TableRules } {
  const machine = createMachine({ options: {} });
  return { machine, rules: new TableRules(planeOf(machine)) };
}

/** Lets something come to the rules that have a counter in these slots. */
function count(machine: Machine, slot: number, packets: bigint): void {
  machine.run(() => {
    const counts = ruleCounts.lookup(slot)!;
    counts.packets = counts.packets + packets;
    counts.bytes = counts.bytes + 100n * packets;
  });
}

const EVERYTHING: RuleSet = ruleSet(
  [
    rule({
      source: within("10.0.0.0/8", true),
      destination: {
        negated: false,
        address: Uint8Array.of(1, 0, 3, 0),
        mask: Uint8Array.of(255, 0, 255, 0),
      },
      input: { negated: true, name: "eth", isPrefix: true },
      protocol: { negated: true, number: 47 },
      fragment: { negated: true },
      matches: [
        { kind: "comment", text: "“quoted” \\ and more" },
        { kind: "mark", negated: true, value: 0xffffffff, mask: 0xf0f0f0f0 },
      ],
      target: jump("second"),
      counters: { packets: 5n, bytes: 0xffff_ffff_ffffn },
    }),
    rule({
      protocol: protocol(6),
      matches: [
        {
          kind: "tcp",
          source: { negated: true, first: 1, last: 2 },
          destination: null,
          flags: { negated: false, mask: 0x17, set: 2 },
        },
        {
          kind: "multiport",
          negated: true,
          which: "either",
          ranges: [
            { first: 1, last: 1 },
            { first: 3, last: 9 },
          ],
        },
      ],
      target: mark(0x80000000),
    }),
  ],
  {
    unused: [rule({ target: ACCEPT })],
    second: [rule({ ...toPort(80), target: goTo("third") })],
    third: [rule({ target: DROP })],
  },
  { policy: "drop" },
);

test("a rule set is read as it was given: names, order, comments, counters", () => {
  const { rules } = tables();
  assert.deepEqual(rules.ruleSet(4), emptyRuleSet(4));
  rules.change(4, (present) => {
    assert.deepEqual(present, emptyRuleSet(4));
    return EVERYTHING;
  });
  assert.deepEqual(rules.ruleSet(4), EVERYTHING);
  assert.deepEqual(rules.ruleSet(6), emptyRuleSet(6));
  const six = ruleSet([rule({ source: within("2001:db8::/33"), target: mark(1) })], {}, { family: 6 });
  rules.change(6, () => six);
  assert.deepEqual(rules.ruleSet(6), six);
  assert.deepEqual(rules.ruleSet(4), EVERYTHING);
  rules.change(4, () => emptyRuleSet(4));
  assert.deepEqual(rules.ruleSet(4), emptyRuleSet(4));
});

test("counters that are handed on go on counting, whatever changes around them; others begin with what they have", () => {
  const { machine, rules } = tables();
  rules.change(4, () => ruleSet([rule(), rule({ counters: { packets: 7n, bytes: 9n } })]));
  // Slot 0 is the policy's.
  for (const slot of [0, 1, 2]) count(machine, slot, 3n);
  const counters = () => {
    const [builtin] = rules.ruleSet(4).chains;
    return [builtin!.counters, ...builtin!.rules.map((each) => each.counters)].map(({ packets, bytes }) => [
      packets,
      bytes,
    ]);
  };
  assert.deepEqual(counters(), [
    [3n, 300n],
    [3n, 300n],
    [10n, 309n],
  ]);
  rules.change(4, ({ family, chains: [builtin] }) => ({
    family,
    chains: [{ ...builtin!, rules: [rule(), builtin!.rules[1]!, builtin!.rules[0]!, builtin!.rules[0]!] }],
  }));
  assert.deepEqual(counters(), [
    [3n, 300n],
    [0n, 0n],
    [10n, 309n],
    [3n, 300n],
    [3n, 300n],
  ]);
  count(machine, 1, 1n);
  assert.deepEqual(counters(), [
    [3n, 300n],
    [0n, 0n],
    [10n, 309n],
    [4n, 400n],
    [3n, 300n],
  ]);
  const zeroed = (each: Rule): Rule => ({ ...each, counters: NO_COUNTERS });
  rules.change(4, ({ family, chains: [builtin] }) => ({
    family,
    chains: [{ ...builtin!, counters: NO_COUNTERS, rules: builtin!.rules.map(zeroed) }],
  }));
  assert.deepEqual(
    counters(),
    Array.from({ length: 5 }, () => [0n, 0n]),
  );
});

test("answered the same object, or an error, nothing is done", () => {
  const { rules } = tables();
  rules.change(4, () => EVERYTHING);
  const refused = new Error("no");
  assert.throws(
    () =>
      rules.change(4, () => {
        throw refused;
      }),
    refused,
  );
  rules.change(4, (present) => present);
  assert.deepEqual(rules.ruleSet(4), EVERYTHING);
});

test("rules that cannot be carried out are refused, and those before hold", () => {
  const { rules } = tables();
  rules.change(4, () => EVERYTHING);
  const only = (settings: Partial<Rule>) => ruleSet([rule(settings)]);
  const port = (first: number, last: number) => ({ negated: false, first, last });
  const matching = (number: number, match: Match) => only({ protocol: protocol(number), matches: [match] });
  const deep = Object.fromEntries(
    Array.from({ length: 18 }, (_, i) => [`c${i}`, i < 17 ? [rule({ target: jump(`c${i + 1}`) })] : []]),
  );
  const wide = Object.fromEntries(
    Array.from({ length: 15 }, (_, i) => [
      `c${i}`,
      Array.from({ length: 8 }, () => rule({ target: i < 14 ? jump(`c${i + 1}`) : ACCEPT })),
    ]),
  );
  const faults: [RuleSet, RegExp, string?][] = [
    [only({ target: jump("nowhere") }), /rule 1 of chain PREROUTING: there is no chain nowhere/],
    [only({ target: jump("PREROUTING") }), /no rule can go to PREROUTING/],
    [
      ruleSet([], { a: [rule({ target: jump("b") })], b: [rule({ target: goTo("a") })] }),
      /loop: a -> b -> a/,
    ],
    [ruleSet([], { a: [rule({ target: jump("a") })] }), /loop: a -> a/],
    [ruleSet([rule({ target: jump("c0") })], deep), /more than 15 deep/],
    [ruleSet([rule({ target: jump("c0") })], wide), /might meet \d+ rules/],
    [ruleSet([], { ["x".repeat(29)]: [] }), /1 to 28 bytes/],
    [only({ source: within("2001:db8::/32") }), /an address of IPv4/],
    [only({ input: { negated: false, name: "a-very-long-name", isPrefix: false } }), /at most 15 bytes/],
    [only({ protocol: protocol(0) }), /1 to 255/],
    [matching(17, { kind: "tcp", source: null, destination: null, flags: null }), /-m tcp needs -p tcp/],
    [matching(17, { kind: "udp", source: port(2, 1), destination: null }), /0 to 65535/],
    [
      matching(1, { kind: "multiport", negated: false, which: "source", ranges: [port(1, 1)] }),
      /-m multiport needs/,
    ],
    [
      matching(6, {
        kind: "multiport",
        negated: false,
        which: "source",
        ranges: Array.from({ length: 8 }, () => port(1, 2)),
      }),
      /1 to 15 ports/,
    ],
    [
      only({ matches: [{ kind: "set", negated: false, name: "good", directions: ["src"] }] }),
      /no set "good"/,
    ],
    [only({ matches: [{ kind: "comment", text: "x".repeat(256) }] }), /at most 255 bytes/],
    [only({ target: mark(2 ** 32) }), /0xffffffff/],
    [ruleSet([rule({ fragment: { negated: false } })], {}, { family: 6 }), /IPv4 only/],
    [ruleSet(Array.from({ length: 32769 }, () => rule())), /no room/, "ENOSPC"],
  ];
  for (const [set, message, code = "EINVAL"] of faults) {
    assert.throws(
      () => rules.change(set.family, () => set),
      (error) => error instanceof IpvsError && error.code === code && message.test(error.message),
      String(message),
    );
  }
  assert.deepEqual(rules.ruleSet(4), EVERYTHING);
  assert.deepEqual(rules.ruleSet(6), emptyRuleSet(6));
});

test("a command that is killed between two stores leaves the rules as they were, or as they were to be", () => {
  const first = ruleSet([rule({ target: mark(1) })]);
  for (let stores = 0, isDone = false; !isDone; stores++) {
    const plane = new KillablePlane(planeOf(createMachine()));
    const rules = new TableRules(plane);
    rules.change(4, () => first);
    plane.left = stores;
    try {
      rules.change(4, () => EVERYTHING);
      isDone = true;
    } catch (error) {
      assert.ok(error instanceof Killed);
    }
    plane.left = undefined;
    assert.deepEqual(rules.ruleSet(4), isDone ? EVERYTHING : first, `after ${stores} stores`);
    rules.change(4, () => EVERYTHING);
    assert.deepEqual(rules.ruleSet(4), EVERYTHING);
  }
});

test("as many rules as there may be are carried out", () => {
  const { rules } = tables();
  const many = (value: number) =>
    ruleSet(
      Array.from({ length: 16384 }, (_, i) =>
        rule({ destination: within(`10.${i >> 8}.${i & 255}.1/32`), target: mark(value) }),
      ),
    );
  rules.change(4, () => many(1));
  // All of them others: for a moment both have counters.
  rules.change(4, () => many(2));
  assert.equal(rules.ruleSet(4).chains[0]!.rules.length, 16384);
});
