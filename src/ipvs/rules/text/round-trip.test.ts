import assert from "node:assert/strict";
import { test } from "node:test";
import { emptyRuleSet } from "../model.ts";
import { parseRuleSet, restored } from "../restoring.ts";
import { RandomRules } from "../testing/random-rules.ts";
import { NO_RULE_NAMES } from "./names.ts";
import { parseLine } from "./parse-line.ts";
import { RestoreError } from "./restore-file.ts";
import { RulesError } from "./rules-error.ts";
import { printRuleSet } from "./save.ts";

test("300 random rule sets come back from their text", () => {
  for (let seed = 1; seed <= 300; seed++) {
    const family = seed % 2 ? 4 : 6;
    const rules = new RandomRules(seed).ruleSet(family);
    const text = printRuleSet(rules, { counters: true });
    assert.deepEqual(parseRuleSet(text, family, NO_RULE_NAMES), rules, `seed ${seed}\n${text}`);
  }
});

const WORDS = (
  "-A -I -D -R -C -N -X -E -F -L -S -Z -P -s -d -p -i -o -f -j -g -m -t -n -v -x -c -w -W -4 -6 -V -h -- - ! --dport --sport --dports --ports --mark " +
  "--comment --match-set --tcp-flags --syn --set-mark --set-xmark --and-mark --jump --source --s= --=5 PREROUTING INPUT foo mangle tcp udp 6 0 -1 " +
  'MARK ACCEPT DROP QUEUE 10.0.0.0/8 ::1/64 1.2.3.4,5.6.7.8 80 1:2 0x1/0xff 5 SYN src,dst eth+ multiport set mark comment conntrack # " \\ é \0'
).split(" ");

test("6,000 random lines are read or refused, never worse", () => {
  const random = new RandomRules(4711);
  let read = 0;
  for (let round = 0; round < 6000; round++) {
    const words = Array.from({ length: random.below(12) }, () => random.pick(WORDS));
    if (random.chance(3)) words.unshift("-A", "PREROUTING");
    const family = random.pick([4, 6] as const);
    try {
      parseLine(words, { family, names: NO_RULE_NAMES });
      read++;
    } catch (error) {
      assert.ok(error instanceof RulesError, `${words.join(" ")}: ${error}`);
    }
  }
  assert.ok(read > 30, `${read} lines could be read`);
});

test("800 damaged files are restored or refused, and a refused one changes nothing", () => {
  const random = new RandomRules(42);
  for (let round = 0; round < 800; round++) {
    const family = random.pick([4, 6] as const);
    const text = printRuleSet(random.ruleSet(family), { counters: true });
    const at = random.below(text.length);
    const garbage = random.pick(["", '"', "\\", "[", "]", ":", "*", "\n", " ", "-", "!", "\0", "ü", "#"]);
    const damaged = text.slice(0, at) + garbage + text.slice(at + random.below(4));
    try {
      restored(damaged, emptyRuleSet(family), { names: NO_RULE_NAMES, counters: true });
    } catch (error) {
      assert.ok(error instanceof RestoreError, `${damaged}\n${error}`);
    }
  }
});
