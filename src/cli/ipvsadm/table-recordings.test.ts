import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { createMachine } from "../../bpf/index.ts";
import { simulatedAdministration } from "../../ipvs/index.ts";
import { isCore } from "../testing/core-cases.ts";
import { recordedNames } from "../testing/recorded-names.ts";
import { describeDifference, readCases, runCase } from "../testing/recordings.ts";

const names = recordedNames();
/** Tables that are quick to make: no case needs more. */
const entries = {
  ...{ services: 256, service_table: 256, pools: 512, service_retired: 256, members: 4096 },
  ...{ destinations: 512, counters: 512, estimates: 512, dest_baseline: 512, servers: 512 },
  ...{ connections: 8, due: 8 },
};
const createAdministration = () =>
  simulatedAdministration(createMachine({ entries }), { broadcasts: ["198.51.100.255", "203.0.113.255"] });

/** Where we differ on purpose; docs/ipvsadm.md gives the reasons. */
const DIFFERENT = new Set(["restore/restore script"]);

describe("recorded cases on the director's own tables", () => {
  let passed = 0;
  let others = 0;
  let othersPassed = 0;
  for (const folder of ["ipvsadm", "ipvsadm-details"]) {
    for (const recorded of readCases(folder)) {
      if (DIFFERENT.has(recorded.id)) continue;
      if (!isCore(recorded, names)) {
        others += 1;
        if (runCase(recorded, createAdministration, names) === null) othersPassed += 1;
        continue;
      }
      test(recorded.id, () => {
        const difference = runCase(recorded, createAdministration, names);
        assert.equal(difference, null, difference === null ? "" : describeDifference(difference));
        passed += 1;
      });
    }
  }
  test("summary", (context) => {
    context.diagnostic(`${passed} core cases pass, and ${othersPassed} of ${others} others`);
  });
});
