import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { isCore } from "../testing/core-cases.ts";
import { MemoryAdministration } from "../testing/memory-administration.ts";
import { recordedNames } from "../testing/recorded-names.ts";
import { describeDifference, readCases, runCase } from "../testing/recordings.ts";

const names = recordedNames();
const createAdministration = (): MemoryAdministration =>
  new MemoryAdministration({ broadcasts: ["198.51.100.255", "203.0.113.255"] });

/** Where we differ on purpose; docs/ipvsadm.md gives the reasons. */
const DIFFERENT = new Map([
  ["restore/restore script", "the original clears the table when asked for --help"],
]);

for (const folder of ["ipvsadm", "ipvsadm-details"]) {
  describe(`recorded cases of ${folder}`, () => {
    const cases = readCases(folder);
    let passed = 0;
    for (const recorded of cases) {
      test(recorded.id, { timeout: 10_000, todo: DIFFERENT.get(recorded.id) ?? false }, () => {
        const difference = runCase(recorded, createAdministration, names);
        assert.equal(difference, null, difference === null ? "" : describeDifference(difference));
        passed++;
      });
    }
    test("summary", (context) => {
      const core = cases.filter((recorded) => isCore(recorded, names)).length;
      context.diagnostic(`${passed} of ${cases.length} cases pass (${core} are core cases)`);
    });
  });
}
