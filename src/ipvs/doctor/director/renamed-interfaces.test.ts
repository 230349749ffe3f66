import assert from "node:assert/strict";
import { test } from "node:test";
import type { InterfaceMatch } from "../../rules/model.ts";
import { examine } from "../examine.ts";
import { directorFacts, hostFacts, linkFacts, summary } from "../testing/hosts.ts";

/** What is said of an interface wan0 that was called d0, where a rule asks for this. */
function said(name: string, changes: Partial<InterfaceMatch> = {}, attached = true): string[] {
  const links = [linkFacts("wan0", { datapath: attached ? "attached" : "forbidden" })];
  return examine(
    hostFacts({
      links: [linkFacts("lo"), linkFacts("outside"), linkFacts("inside"), ...links],
      director: directorFacts({
        ruleInterfaces: [{ negated: false, name, isPrefix: false, ...changes }],
        formerNames: new Map([["wan0", "d0"]]),
      }),
    }),
  ).map(summary);
}

const FOUND = ["error | interface-renamed | wan0 | lvs attach"];

test("a rule asks for the present name, for the former one, or for a beginning of it", () => {
  assert.deepEqual(said("wan0"), FOUND);
  assert.deepEqual(said("d0"), FOUND);
  assert.deepEqual(said("wan", { isPrefix: true }), FOUND);
  assert.deepEqual(said("wan0", { negated: true }), FOUND);
});

test("a rule asks for another, or for both", () => {
  assert.deepEqual(said("outside"), []);
  assert.deepEqual(said("outside", { negated: true }), []);
  assert.deepEqual(said("", { isPrefix: true }), []);
});

test("the datapath is not there", () => assert.deepEqual(said("wan0", {}, false), []));
