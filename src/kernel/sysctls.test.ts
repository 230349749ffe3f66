import assert from "node:assert/strict";
import { test } from "node:test";
import { defaultSysctls, findSysctl, formatSysctl, parseSysctl, SYSCTL_WORDS, SYSCTLS } from "./sysctls.ts";
import { readRecording } from "./testing/recordings.ts";

interface Writes {
  readonly default: string;
  readonly taken: Readonly<Record<string, string>>;
  readonly refused: readonly string[];
}

/** What the kernel takes because it counts in 64 bits there, or differs by machine. */
const OTHERWISE = new Set(["sync_qlen_max"]);

const recorded = readRecording<Record<string, Writes>>("sysctls.json");

test("every word belongs to one sysctl", () => {
  const words = SYSCTLS.flatMap(({ index, defaults }) => defaults.map((_, i) => index + i));
  assert.deepEqual(
    words.sort((a, b) => a - b),
    Array.from({ length: SYSCTL_WORDS }, (_, i) => i),
  );
  assert.ok(SYSCTL_WORDS <= 64, "as many as Settings has room for");
  assert.deepEqual(
    SYSCTLS.map(({ name }) => name),
    SYSCTLS.map(({ name }) => name).sort(),
  );
});

test("all that the kernel has are known", () => {
  assert.deepEqual(
    Object.keys(recorded).filter((name) => findSysctl(name) === undefined),
    [],
  );
});

for (const [name, { default: standard, taken, refused }] of Object.entries(recorded)) {
  if (OTHERWISE.has(name)) continue;
  test(`${name} takes and refuses what was recorded`, () => {
    const sysctl = findSysctl(name)!;
    const present = defaultSysctls().slice(sysctl.index, sysctl.index + sysctl.defaults.length);
    assert.equal(formatSysctl(sysctl, present, false), standard);
    for (const [text, read] of Object.entries(taken)) {
      const words = parseSysctl(sysctl, text, present);
      assert.ok(words !== undefined, `"${text}" is taken`);
      assert.equal(formatSysctl(sysctl, words, false), read, `after "${text}"`);
    }
    for (const text of refused) assert.equal(parseSysctl(sysctl, text, present), undefined, `"${text}"`);
  });
}

test("automatic modes tell whether they are on", () => {
  const sysctl = findSysctl("drop_entry")!;
  assert.deepEqual(
    [0, 1, 2, 3].map((mode) => formatSysctl(sysctl, [mode], true)),
    ["0", "2", "2", "3"],
  );
});

test("est_cpulist is told, not set", () => {
  const sysctl = findSysctl("est_cpulist")!;
  assert.equal(formatSysctl(sysctl, [], false), "automatic");
  assert.equal(parseSysctl(sysctl, "0-3", []), undefined);
});
