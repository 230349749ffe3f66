import assert from "node:assert/strict";
import { test } from "node:test";
import { createMachine } from "../../bpf/index.ts";
import { Random } from "../../kernel/fuzz/random.ts";
import { IpvsError } from "../errors.ts";
import { importRules } from "./importing.ts";
import { hasTooManyLinks, Links, MOST_LINKS } from "./links.ts";
import { emptyRuleSet, type RuleSet } from "./model.ts";
import { restored } from "./restoring.ts";
import { TableRules } from "./table-rules.ts";
import { goTo, jump, planeOf, rule, ruleSet } from "./testing/rules.ts";
import { NO_RULE_NAMES } from "./text/names.ts";
import { RestoreError } from "./text/restore-file.ts";
import { printRuleSet } from "./text/save.ts";

/** PREROUTING leads to c1, that to c2 and so on. */
function row(length: number, target = jump): RuleSet {
  const chains = Array.from({ length }, (_, i) => [
    `c${i + 1}`,
    i + 1 < length ? [rule({ target: target(`c${i + 2}`) })] : [],
  ]);
  return ruleSet([rule({ target: target("c1") })], Object.fromEntries(chains));
}

function refusalOf(set: RuleSet): string | null {
  const rules = new TableRules(planeOf(createMachine()));
  try {
    rules.change(4, () => set);
    return null;
  } catch (error) {
    assert.ok(error instanceof IpvsError && error.code === "EINVAL", String(error));
    return error.message;
  }
}

function restoreRefusalOf(text: string): string | null {
  try {
    restored(text, emptyRuleSet(4), { names: NO_RULE_NAMES });
    return null;
  } catch (error) {
    assert.ok(error instanceof RestoreError, String(error));
    return `line ${error.line}: ${error.message}`;
  }
}

test("commands, files and programs draw the same line: gotos count as jumps do", () => {
  for (const target of [jump, goTo]) {
    assert.equal(hasTooManyLinks(row(MOST_LINKS, target)), false);
    assert.equal(refusalOf(row(MOST_LINKS, target)), null);
    assert.equal(restoreRefusalOf(printRuleSet(row(MOST_LINKS, target))), null);
    const tooDeep = row(MOST_LINKS + 1, target);
    assert.equal(hasTooManyLinks(tooDeep), true);
    assert.match(refusalOf(tooDeep)!, /more than 15 deep/);
    assert.match(restoreRefusalOf(printRuleSet(tooDeep))!, /Too many links/);
  }
});

test("chains in a long row are refused in words, also those that no packet comes to and that form a loop", () => {
  assert.match(refusalOf(row(9000))!, /more than 15 deep/);
  const unreached = { ...row(9000), chains: row(9000).chains.with(0, emptyRuleSet(4).chains[0]!) };
  assert.equal(refusalOf(unreached), null);
  const round = unreached.chains.with(9000, {
    ...unreached.chains[9000]!,
    rules: [rule({ target: jump("c1") })],
  });
  assert.match(refusalOf({ ...unreached, chains: round })!, /loop: c\d+ -> .* -> c\d+/);
});

test("a file names the line that closes a loop, whether packets come to it or not", () => {
  const loop = "*mangle\n:a - [0:0]\n:b - [0:0]\n:c - [0:0]\n";
  const rest = "-A a -j b\n-A b -j c\n-A c -g a\n-A c -j b\nCOMMIT\n";
  assert.match(restoreRefusalOf(`${loop}${rest}`)!, /^line 7: RULE_APPEND .*Too many links.* chain c$/);
  assert.match(restoreRefusalOf(`${loop}-A PREROUTING -j a\n${rest}`)!, /^line 8: .* chain c$/);
});

test("of a loop, an import takes all but the rule that closes it", () => {
  const text =
    "*mangle\n:PREROUTING ACCEPT\n:a -\n:b -\n-A PREROUTING -j a\n-A a -j b\n-A b -j a\n-A b -j ACCEPT\nCOMMIT\n";
  const { rules, refused } = importRules({ family: 4, text }, NO_RULE_NAMES);
  assert.deepEqual(
    refused.map(({ line }) => line),
    [7],
  );
  assert.deepEqual(
    rules.chains.map((chain) => chain.rules.length),
    [1, 1, 1],
  );
});

test("links that come one by one are judged as a search through all of them would", () => {
  const random = new Random(7);
  for (let round = 0; round < 300; round++) {
    const names = ["PREROUTING", ...Array.from({ length: 4 + random.below(20) }, (_, i) => `c${i}`)];
    const links = new Links(emptyRuleSet(4));
    const below = new Map<string, string[]>(names.map((name) => [name, []]));
    for (let count = 0; count < 60; count++) {
      const from = random.of(names);
      const to = random.of(names.slice(1));
      links.add(from, to);
      below.get(from)!.push(to);
      const isSound = searched(below);
      assert.equal(links.areSound, isSound, `round ${round}, after ${from} -> ${to}`);
      if (!isSound) break;
    }
  }
});

/** Whether there is neither a loop nor a way that is too deep. */
function searched(below: ReadonlyMap<string, readonly string[]>): boolean {
  const heights = new Map<string, number>();
  const height = (name: string, way: readonly string[]): number => {
    if (way.includes(name)) return Number.POSITIVE_INFINITY;
    const known = heights.get(name);
    if (known !== undefined) return known;
    const found = Math.max(-1, ...below.get(name)!.map((next) => height(next, [...way, name]))) + 1;
    heights.set(name, found);
    return found;
  };
  return (
    [...below.keys()].every((name) => height(name, []) < Number.POSITIVE_INFINITY) &&
    height("PREROUTING", []) <= MOST_LINKS
  );
}

/** Each chain looked through for each of the others would take minutes. */
test("files with many chains are restored and imported", { timeout: 30_000 }, () => {
  const names = Array.from({ length: 4000 }, (_, i) => `c${String(i).padStart(4, "0")}`);
  const chains = names.map((name): [string, ReturnType<typeof rule>[]] => [name, [rule()]]);
  const set = ruleSet(
    names.map((name) => rule({ target: jump(name) })),
    Object.fromEntries(chains),
  );
  const text = printRuleSet(set);
  assert.equal(restored(text, emptyRuleSet(4), { names: NO_RULE_NAMES }).chains.length, 4001);
  assert.equal(importRules({ family: 4, text }, NO_RULE_NAMES).rules.chains.length, 4001);
});
