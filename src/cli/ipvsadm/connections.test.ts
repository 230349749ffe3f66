import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { ConnectionEntry } from "../../ipvs/model.ts";
import { MemoryAdministration } from "../testing/memory-administration.ts";
import { recordedNames } from "../testing/recorded-names.ts";
import { readRecording } from "../testing/recordings.ts";
import { endpointOf } from "../testing/statuses.ts";
import { runIpvsadm } from "./run.ts";

/** Reads a line of a numeric listing back. */
function readEntry(line: string): ConnectionEntry {
  const [protocol, expire, state, source, virtual, destination, name, ...data] = line.split(/ +/);
  const [minutes, seconds] = expire!.split(":").map(Number);
  const client = endpointOf(source!);
  return {
    template: state === "ASSURED",
    timeout: 900,
    service: null,
    method: "masquerade",
    local: client,
    protocol: protocol!,
    state: state!,
    expires: minutes! * 60 + seconds!,
    source: client,
    virtual: endpointOf(virtual!),
    destination: endpointOf(destination!),
    engine: name === undefined ? null : { name, data: data.join(" ") },
  };
}

function list(entries: readonly ConnectionEntry[], words: readonly string[]): string {
  const director = new MemoryAdministration();
  director.entries = entries;
  let output = "";
  const status = runIpvsadm(words, {
    administration: () => director,
    stdin: () => "",
    stdout: (text) => {
      output += text;
    },
    stderr: assert.fail,
    names: recordedNames(),
  });
  assert.equal(status, 0);
  return output;
}

/** The entries that a numeric listing shows, with the times of another listing of the same table. */
function entriesAt(numeric: string, listing: string): ConnectionEntry[] {
  const times = listing
    .trimEnd()
    .split("\n")
    .slice(2)
    .map((line) => line.slice(4, 10));
  return numeric
    .trimEnd()
    .split("\n")
    .slice(2)
    .map((line, index) => readEntry(line.slice(0, 4) + times[index] + line.slice(10)));
}

const listing = readRecording<Record<string, { stdout: string }>>("states/listing.json");
const details = readRecording<{ argv?: string[]; stdout: string }[]>("ipvsadm-details-connections.json");
const ofDetails = (command: string): string =>
  details.find(({ argv }) => argv?.join(" ") === command)!.stdout;

describe("connection tables print as recorded", () => {
  for (const command of ["-Lnc", "-Lc", "-Lnc --persistent-conn", "-Lnc --sort", "-Lnc --nosort"]) {
    test(`ipvsadm ${command}`, () => {
      const recorded = listing[`ipvsadm ${command}`]!.stdout;
      const entries = entriesAt(listing["ipvsadm -Lnc"]!.stdout, recorded);
      assert.equal(list(entries, command.split(" ")), recorded);
    });
  }
  for (const command of ["-Lnc", "-Lc", "-Lnc --persistent-conn", "-Lc --persistent-conn"]) {
    test(`ipvsadm ${command}, with an engine, hours and long names`, () => {
      const recorded = ofDetails(`ipvsadm ${command}`);
      const entries = entriesAt(ofDetails("ipvsadm -Lnc --persistent-conn"), recorded);
      assert.equal(list(entries, command.split(" ")), recorded);
    });
  }
});

test("a large table is written piece by piece", () => {
  const entry = readEntry("UDP 04:59  UDP 198.18.0.10:44005  192.0.2.1:53 10.0.0.2:53");
  const director = new MemoryAdministration();
  director.entries = new Array<ConnectionEntry>(5000).fill(entry);
  const pieces: string[] = [];
  const environment = {
    administration: () => director,
    stdin: () => "",
    stdout: (text: string) => pieces.push(text),
    stderr: assert.fail,
    names: recordedNames(),
  };
  assert.equal(runIpvsadm(["-Lnc"], environment), 0);
  assert.ok(pieces.length > 3);
  assert.equal(pieces.join("").split("\n").length, 5003);
});
