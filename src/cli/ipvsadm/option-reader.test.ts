import assert from "node:assert/strict";
import { test } from "node:test";
import { OptionReader } from "./option-reader.ts";

/** The options of a line: their long (or short) spelling with the value, or the problem. */
function read(...words: string[]): { options: string[]; rest: readonly string[] } {
  const reader = new OptionReader(words);
  const options: string[] = [];
  for (let option = reader.next(); option !== null; option = reader.next()) {
    if ("problem" in option) options.push(`${option.word}: ${option.problem}`);
    else {
      const name = option.spec.long ?? option.spec.short!;
      options.push(option.value === null ? name : `${name}=${option.value}`);
    }
  }
  return { options, rest: reader.arguments };
}

test("short options combine and take their argument from the rest of the word or the next one", () => {
  assert.deepEqual(read("-atx", "-ry", "-mw4").options, [
    "add-server",
    "tcp-service=x",
    "real-server=y",
    "masquerading",
    "weight=4",
  ]);
  assert.deepEqual(read("-t=x", "-s", "-L").options, ["tcp-service=x", "scheduler=-L"]);
});

test("long options take their argument behind = or from the next word, and are not abbreviated", () => {
  assert.deepEqual(read("--tcp-service=x", "--weight", "3").options, ["tcp-service=x", "weight=3"]);
  assert.deepEqual(read("--tcp").options, ["--tcp: unknown option"]);
  assert.deepEqual(read("--stats=1").options, ["--stats=1: option does not take an argument"]);
});

test("an optional argument is not taken from a word that begins with a dash", () => {
  assert.deepEqual(read("-p", "60").options, ["persistent=60"]);
  assert.deepEqual(read("-p", "-n").options, ["persistent", "numeric"]);
  assert.deepEqual(read("-p=-1").options, ["persistent=-1"]);
  assert.deepEqual(read("-p").options, ["persistent"]);
});

test("problems name the whole word", () => {
  assert.deepEqual(read("-LnO", "-n").options, ["list", "numeric", "-LnO: unknown option", "numeric"]);
  assert.deepEqual(read("-Lt").options, ["list", "-Lt: missing argument"]);
  assert.deepEqual(read("-n=1").options, ["-n=1: option does not take an argument"]);
});

test("other words may stand anywhere; -- ends the options", () => {
  assert.deepEqual(read("-L", "a", "-n", "-", "--", "-c"), {
    options: ["list", "numeric"],
    rest: ["a", "-", "-c"],
  });
});
