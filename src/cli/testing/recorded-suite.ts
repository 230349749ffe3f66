import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Administration } from "../../ipvs/administration.ts";
import { DIFFERENT, type Exception, exceptionFor } from "./exceptions.ts";
import { recordedNames } from "./recorded-names.ts";
import { describeDifference, type RecordedCase, readCases, runCase } from "./recordings.ts";

/** How to run the recorded cases against an implementation. */
export interface RecordedSuite {
  /** What the director is, for the titles. */
  readonly title: string;
  /** A fresh director with an empty table. */
  readonly createAdministration: () => Administration;
  /** Cases that need not pass, besides those in which `ipvsadm` itself differs. They are only counted. */
  readonly except: readonly Exception[];
}

/** Tests that an implementation makes `ipvsadm` print what was recorded. Reports how many cases do. */
export function testRecordedCases({ title, createAdministration, except }: RecordedSuite): void {
  const names = recordedNames();
  const exceptions = [...DIFFERENT, ...except];
  for (const folder of ["ipvsadm", "ipvsadm-details"]) {
    describe(`recordings of ${folder}, ${title}`, () => {
      const all = readCases(folder);
      const required = all.filter((recorded) => exceptionFor(recorded, exceptions, names) === null);
      const passed = new Set<RecordedCase>();
      for (const recorded of required) {
        test(recorded.id, { timeout: 10_000 }, () => {
          const difference = runCase(recorded, createAdministration, names);
          assert.ok(difference === null, difference === null ? "" : describeDifference(difference));
          passed.add(recorded);
        });
      }
      test("summary", (context) => {
        const others = all.filter((recorded) => !required.includes(recorded));
        for (const recorded of others) {
          if (runCase(recorded, createAdministration, names) === null) passed.add(recorded);
        }
        context.diagnostic(`${passed.size} of ${all.length} cases pass, ${required.length} must`);
        for (const { reason, covers } of exceptions) {
          const covered = others.filter((recorded) => covers(recorded, names)).length;
          context.diagnostic(`${covered} excepted: ${reason}`);
        }
      });
    });
  }
}
