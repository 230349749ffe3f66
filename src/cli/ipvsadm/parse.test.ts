import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Command } from "../../ipvs/administration.ts";
import { keyOf, serverOf, serviceOf } from "../testing/statuses.ts";
import { NO_NAMES } from "./names.ts";
import { parse } from "./parse.ts";
import { UsageError } from "./usage-error.ts";

function command(line: string): Command {
  const invocation = parse(line.split(" "), NO_NAMES);
  assert.ok(!(invocation instanceof UsageError) && invocation.kind === "change", line);
  return invocation.command;
}

const WEB = keyOf("tcp/192.0.2.1:80");

describe("commands as data", () => {
  test("services", () => {
    assert.deepEqual(command("-A -t 192.0.2.1:80"), {
      kind: "add-service",
      service: serviceOf(WEB, { scheduler: "wlc" }),
    });
    assert.deepEqual(command("-E -u 192.0.2.1:53 -s mh -b mh-port -p 60 -M 255.255.0.0 --pe sip -o"), {
      kind: "edit-service",
      service: {
        key: keyOf("udp/192.0.2.1:53"),
        scheduler: "mh",
        schedulerFlags: 2,
        persistence: { timeout: 60, mask: 0xffff0000 },
        engine: "sip",
        onePacket: true,
        clientAddress: "hidden",
      },
    });
    assert.deepEqual(command("-D -f 7 -6"), {
      kind: "delete-service",
      key: { kind: "mark", family: 6, mark: 7 },
    });
    assert.deepEqual(command("-A -t [2001:DB8::1]:80 -p -M 64"), {
      kind: "add-service",
      service: {
        ...serviceOf({
          kind: "address",
          family: 6,
          protocol: "tcp",
          address: "2001:db8::1",
          port: 80,
        }),
        scheduler: "wlc",
        persistence: { timeout: 360, mask: 64 },
      },
    });
  });

  test("servers", () => {
    assert.deepEqual(command("-a -t 192.0.2.1:80 -r 10.0.0.1:8080 -m -w 3 -x 9 -y 4"), {
      kind: "add-destination",
      service: WEB,
      destination: serverOf("10.0.0.1:8080", { weight: 3, upperThreshold: 9, lowerThreshold: 4 }),
    });
    assert.deepEqual(command("-e -t 192.0.2.1:80 -r 10.0.0.1:8080 -i --tun-type gue --tun-port 6080"), {
      kind: "edit-destination",
      service: WEB,
      destination: serverOf("10.0.0.1:80", {
        method: "tunnel",
        tunnel: { type: "gue", port: 6080, checksum: "none" },
      }),
    });
    assert.deepEqual(command("-d -t 192.0.2.1:80 -r 10.0.0.1:8080"), {
      kind: "delete-destination",
      service: WEB,
      destination: { family: 4, address: "10.0.0.1", port: 8080 },
    });
  });

  test("the rest", () => {
    assert.deepEqual(command("-C"), { kind: "flush" });
    assert.deepEqual(command("-Z"), { kind: "zero", service: null });
    assert.deepEqual(command("-Z -t 192.0.2.1:80"), { kind: "zero", service: WEB });
    assert.deepEqual(command("--set 900 0 300"), {
      kind: "set-timeouts",
      timeouts: { tcp: 900, tcpFin: 0, udp: 300 },
    });
    assert.deepEqual(command("--start-daemon backup --syncid 3"), {
      kind: "start-daemon",
      daemon: { role: "backup", syncId: 3, interface: "eth0" },
    });
    assert.deepEqual(command("--stop-daemon master"), { kind: "stop-daemon", role: "master", syncId: 0 });
  });
});

describe("lists as data", () => {
  const cases: [string, object][] = [
    ["-L", { what: "services", format: "plain", sorted: true, numeric: false, exact: false }],
    ["-Ln --stats --exact", { what: "services", format: "statistics", numeric: true, exact: true }],
    ["-L --rate --thresholds", { what: "services", format: "rates" }],
    ["-L --persistent-conn --nosort", { what: "services", format: "persistent", sorted: false }],
    ["-Lcn", { what: "connections", numeric: true }],
    ["-L --timeout", { what: "timeouts" }],
    ["-L --daemon", { what: "daemons" }],
    ["-L -t 192.0.2.1:80", { what: "services", service: WEB }],
  ];
  for (const [line, expected] of cases) {
    test(line, () => {
      const invocation = parse(line.split(" "), NO_NAMES);
      assert.ok(!(invocation instanceof UsageError) && invocation.kind === "list");
      assert.deepEqual({ ...invocation.request, ...expected }, invocation.request);
    });
  }
});

describe("faults", () => {
  const cases: [string, string, 2 | 255, boolean][] = [
    ["-t 192.0.2.1:80", "Try `ipvsadm -h' or 'ipvsadm --help' for more information.", 255, false],
    ["-A -D", "invalid option `-D'", 2, false],
    ["-A --bogus", "--bogus: unknown option", 255, true],
    ["-A -t", "-t: missing argument", 255, true],
    ["-A -t 192.0.2.1:80 x", "unexpected argument x", 2, false],
    ["-A -t 192.0.2.1:80 -w 3", "Illegal 'weight' option with the 'add-service' command", 2, false],
    [
      "-a -t 192.0.2.1:80",
      "You need to supply the 'real-server' option for the 'add-server' command",
      2,
      false,
    ],
    [
      "-L -c -t 192.0.2.1:80",
      "The option 'service-address' conflicts with the 'connection' option in the 'list' command",
      2,
      false,
    ],
  ];
  for (const [line, message, exit, recoverable] of cases) {
    test(line, () => {
      const fault = parse(line.split(" "), NO_NAMES);
      assert.ok(fault instanceof UsageError);
      assert.deepEqual(
        { message: fault.message, exit: fault.exit, recoverable: fault.recoverable },
        { message, exit, recoverable },
      );
    });
  }
});
