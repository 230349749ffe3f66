import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { IPTABLES_EXCEPTIONS } from "../testing/iptables-exceptions.ts";
import {
  describeIptablesDifference,
  recordedIptablesCases,
  runRecordedIptables,
} from "../testing/iptables-recordings.ts";

describe("recordings of iptables", () => {
  const all = recordedIptablesCases();
  const excepted = all.filter(({ id }) => IPTABLES_EXCEPTIONS.some(({ covers }) => covers.includes(id)));
  for (const recorded of all) {
    if (excepted.includes(recorded)) continue;
    test(recorded.id, async () => {
      const difference = await runRecordedIptables(recorded);
      const text = difference === null ? "" : describeIptablesDifference(difference.step, difference.outcome);
      assert.ok(difference === null, text);
    });
  }

  test("each exception is one", async (context) => {
    const ids = new Set(all.map(({ id }) => id));
    for (const { reason, covers } of IPTABLES_EXCEPTIONS) {
      for (const id of covers) {
        assert.ok(ids.has(id), `${id} was never recorded`);
        const recorded = all.find((each) => each.id === id)!;
        assert.notEqual(await runRecordedIptables(recorded), null, `${id} is no exception`);
      }
      context.diagnostic(`${covers.length} excepted: ${reason}`);
    }
    context.diagnostic(`${all.length - excepted.length} of ${all.length} cases must pass`);
  });
});
