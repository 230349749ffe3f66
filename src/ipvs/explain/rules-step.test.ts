import assert from "node:assert/strict";
import { test } from "node:test";
import { createMachine, SimulatedPacket } from "../../bpf/index.ts";
import { ingress } from "../../kernel/ingress.ts";
import { installPrograms } from "../../kernel/install.ts";
import { tcpFrame } from "../../kernel/testing/frames.ts";
import type { Rule, RuleSet } from "../rules/model.ts";
import { emptyRuleSet, NO_COUNTERS } from "../rules/model.ts";
import { TableRules } from "../rules/table-rules.ts";
import { SimulatedPlane } from "../simulated-plane.ts";
import { rulesStep } from "./rules-step.ts";
import type { Fact } from "./simulation.ts";

function rule(port: number, target: Rule["target"]): Rule {
  return {
    ...{ source: null, destination: null, input: null, fragment: null, counters: NO_COUNTERS },
    protocol: { negated: false, number: 6 },
    matches: [
      { kind: "tcp", source: null, destination: { negated: false, first: port, last: port }, flags: null },
    ],
    target,
  };
}

/** Two rules of the built-in chain, one of which calls another chain. */
function rules(): RuleSet {
  const [builtIn] = emptyRuleSet(4).chains;
  return {
    family: 4,
    chains: [
      {
        ...builtIn!,
        rules: [
          rule(443, { kind: "mark", value: 9, mask: 0xffffffff }),
          rule(80, { kind: "jump", chain: "web", isGoto: false }),
        ],
      },
      {
        ...{ name: "web", policy: null, counters: NO_COUNTERS },
        rules: [rule(80, { kind: "mark", value: 7, mask: 0xffffffff }), rule(81, { kind: "drop" })],
      },
    ],
  };
}

function factsOf(port: number): Fact[] {
  const facts: Fact[] = [];
  const machine = createMachine({
    entries: { connections: 16, due: 16, flows: 16 },
    trace: (what, values) => facts.push({ what, values }),
  });
  installPrograms(machine);
  const plane = new SimulatedPlane(machine);
  new TableRules(plane).change(4, rules);
  const packet = new SimulatedPacket(tcpFrame("client", "198.18.0.1:40000", `192.0.2.1:${port}`, "S"));
  machine.execute(ingress, packet);
  return facts.filter(({ what }) => what.startsWith("rule"));
}

test("the rules that a packet matched are named by their words", () => {
  const step = rulesStep(factsOf(80), { packet: { family: 4 }, rules });
  assert.deepEqual(
    step.matched.map(({ chain, number }) => `${chain} ${number}`),
    ["PREROUTING 2", "web 1"],
  );
  assert.equal(step.matched[0]!.text, "-A PREROUTING -p tcp -m tcp --dport 80 -j web");
  assert.match(step.matched[1]!.text, /^-A web -p tcp -m tcp --dport 80 -j MARK --set-xmark 0x7/);
  assert.deepEqual(
    { mark: step.mark, policy: step.policy, dropped: step.dropped },
    {
      ...{ mark: 7, policy: "accept", dropped: false },
    },
  );
});

test("what no rule is about falls to the policy", () => {
  const step = rulesStep(factsOf(22), { packet: { family: 4 }, rules });
  assert.deepEqual(step, { step: "rules", matched: [], policy: "accept", mark: 0, dropped: false });
});
