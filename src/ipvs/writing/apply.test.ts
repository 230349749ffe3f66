import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { createMachine } from "../../bpf/index.ts";
import { smallTables } from "../../kernel/testing/small-tables.ts";
import type { Administration, Command } from "../administration.ts";
import type { ServiceKey } from "../model.ts";
import { simulatedAdministration } from "../simulated-plane.ts";
import { plainServer, plainService } from "../testing/plain.ts";

/** Entries of Maglev's table of one service. */
const MAGLEV = 4093;
const MEMBERS = 64;

function key(port: number): ServiceKey {
  return { kind: "address", family: 4, protocol: "tcp", address: "192.0.2.1", port };
}

function addService(port: number, scheduler: string): Command {
  return { kind: "add-service", service: plainService(key(port), { scheduler }) };
}

function addServer(port: number, last: number): Command {
  return { kind: "add-destination", service: key(port), destination: plainServer(`10.0.0.${last}`) };
}

/** A director with room for three services under Maglev hashing, and 64 places in lists of servers. */
function small(): Administration {
  return simulatedAdministration(
    createMachine({ entries: smallTables(64, { buckets: 3 * MAGLEV, members: MEMBERS }) }),
  );
}

function ports(director: Administration): number[] {
  return director
    .services()
    .map(({ service }) => (service.key.kind === "address" ? service.key.port : 0))
    .sort((a, b) => a - b);
}

describe("a batch for which there is not enough room", () => {
  test("does what can be done, one by one, and refuses the rest for what they are", () => {
    const director = small();
    const batch = [1, 2, 3, 4, 5].flatMap((port) => [addService(port, "mh"), addServer(port, port)]);
    const answers = director.apply([...batch, addService(6, "rr"), addServer(6, 6)]);
    const refused = answers.map((error) => error && `${error.operation} ${error.code}`);
    const missing = ["add-service ENOSPC", "add-destination ESRCH"];
    assert.deepEqual(refused, [...Array(6).fill(null), ...missing, ...missing, null, null]);
    assert.match(answers[6]!.message, /there is no room for a table of 4093/);
    assert.deepEqual(ports(director), [1, 2, 3, 6]);
  });

  test("after a flush keeps what has room", () => {
    const director = small();
    director.apply([addService(80, "rr"), addServer(80, 1)]);
    const answers = director.apply([
      { kind: "flush" },
      addService(80, "rr"),
      ...[1, 2, 3, 4].map((port) => addService(port, "mh")),
      addServer(80, 1),
    ]);
    assert.deepEqual(
      answers.map((error) => error?.code ?? null),
      [null, null, null, null, null, "ENOSPC", null],
    );
    assert.deepEqual(ports(director), [1, 2, 3, 80]);
    assert.equal(director.service(key(80))!.destinations.length, 1);
  });

  test("has its changes of many servers refused before anything is written", () => {
    const director = small();
    const servers = Array.from({ length: 24 }, (_, i) => addServer(80, i + 1));
    assert.deepEqual(new Set(director.apply([addService(80, "wrr"), ...servers])), new Set([null]));
    const edits = servers.map((command): Command => {
      assert.equal(command.kind, "add-destination");
      return command.kind === "add-destination"
        ? { ...command, kind: "edit-destination", destination: { ...command.destination, weight: 7 } }
        : command;
    });
    const answers = director.apply([addService(81, "rr"), ...edits]);
    assert.deepEqual(new Set(answers), new Set([null]), "in parts there is room for all");
    assert.deepEqual(ports(director), [80, 81]);
    assert.ok(director.service(key(80))!.destinations.every(({ destination }) => destination.weight === 7));
  });
});

test("what is refused alone for want of room says so as the command that it is, and changes nothing", () => {
  const director = small();
  for (const port of [1, 2, 3]) assert.deepEqual(director.apply([addService(port, "mh")]), [null]);
  assert.throws(() => director.addService(plainService(key(4), { scheduler: "mh" })), {
    code: "ENOSPC",
    operation: "add-service",
    message: /there is no room for a table of 4093/,
  });
  assert.deepEqual(ports(director), [1, 2, 3]);
});
