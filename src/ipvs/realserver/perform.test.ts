import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { inverseOf, type Step } from "./model.ts";
import { perform } from "./perform.ts";

const name = "net/ipv4/conf/all/arp_ignore";
const STEPS: readonly Step[] = [
  { kind: "link", link: "lo", up: true },
  { kind: "sysctl", name, from: "0", to: "1" },
  { kind: "address", vip: "192.0.2.1", label: "lo:0", add: true },
  { kind: "route", vip: "192.0.2.1", add: true },
];

describe("steps", () => {
  it("are carried out in order", () => {
    const seen: Step[] = [];
    perform(STEPS, (step) => seen.push(step));
    assert.deepEqual(seen, STEPS);
  });

  for (const [at, failing] of STEPS.entries()) {
    it(`a failure of step ${at + 1} undoes those before it, the last first`, () => {
      const seen: Step[] = [];
      const work = () =>
        perform(STEPS, (step) => {
          if (step === failing) throw new Error("no room");
          seen.push(step);
        });
      assert.throws(work, { code: "FAILED", message: /: no room; nothing was changed$/ });
      const before = STEPS.slice(0, at);
      assert.deepEqual(seen, [...before, ...[...before].reverse().map(inverseOf)]);
    });
  }

  it("what cannot be undone either is named", () => {
    const work = () =>
      perform(STEPS, (step) => {
        if (step.kind === "route" || (step.kind === "sysctl" && step.to === "0"))
          throw new Error("read-only");
      });
    assert.throws(work, {
      code: "HALF_DONE",
      message:
        "ip route add 192.0.2.1/32 dev lo src 192.0.2.1: read-only; these could not be undone: `sysctl -w net.ipv4.conf.all.arp_ignore=0`",
    });
  });
});
