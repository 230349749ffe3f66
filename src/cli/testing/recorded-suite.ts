import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Administration } from "../../ipvs/administration.ts";
import { isCore } from "./core-cases.ts";
import { recordedNames } from "./recorded-names.ts";
import { describeDifference, type RecordedCase, readCases, runCase } from "./recordings.ts";

/** How to run the recorded cases against an implementation. */
export interface RecordedSuite {
  /** What the director is, for the titles. */
  readonly title: string;
  /** A fresh director with an empty table. */
  readonly createAdministration: () => Administration;
  /** "core": the cases that need nothing that is not supported yet must pass, the others are only counted. */
  readonly must: "core" | "all";
}

/** Where we differ on purpose, by the case's id; docs/ipvsadm.md gives the reasons. */
const DIFFERENT = new Map([
  ["restore/restore script, --help", "the original clears the table when asked for --help"],
]);

/** Tests that an implementation makes `ipvsadm` print what was recorded. Reports how many cases do. */
export function testRecordedCases({ title, createAdministration, must }: RecordedSuite): void {
  const names = recordedNames();
  for (const folder of ["ipvsadm", "ipvsadm-details"]) {
    describe(`recordings of ${folder}, ${title}`, () => {
      const all = readCases(folder);
      const core = all.filter((recorded) => isCore(recorded, names));
      const passed = new Set<RecordedCase>();
      for (const recorded of must === "all" ? all : core) {
        const title = core.includes(recorded) ? `${recorded.id} (core)` : recorded.id;
        test(title, { timeout: 10_000, todo: DIFFERENT.get(recorded.id) ?? false }, () => {
          const difference = runCase(recorded, createAdministration, names);
          assert.ok(difference === null, difference === null ? "" : describeDifference(difference));
          passed.add(recorded);
        });
      }
      test("summary", (context) => {
        for (const recorded of all) {
          if (!passed.has(recorded) && runCase(recorded, createAdministration, names) === null) {
            passed.add(recorded);
          }
        }
        const passedCore = core.filter((recorded) => passed.has(recorded)).length;
        context.diagnostic(`${passed.size} of ${all.length} cases pass`);
        context.diagnostic(`${passedCore} of ${core.length} core cases pass`);
      });
    });
  }
}
