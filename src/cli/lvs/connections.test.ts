import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { ConnectionEntry } from "../../ipvs/model.ts";
import { STATE_NAMES } from "../../kernel/tables.ts";
import { MemoryAdministration } from "../testing/memory-administration.ts";
import { runCommand } from "../testing/run-lvs.ts";
import { connectionOf, endpointOf, keyOf } from "../testing/statuses.ts";
import { STATES } from "./filter-options.ts";

const WEB6 = { ...keyOf("tcp/x:443"), family: 6, address: "2001:db8::1" } as const;

const ENTRIES: Record<string, ConnectionEntry> = {
  nat: connectionOf("198.51.100.7:40000 192.0.2.1:80 10.0.0.11:8080", { service: keyOf("tcp/192.0.2.1:80") }),
  orphan: connectionOf("198.51.100.8:40001 192.0.2.1:80 10.0.0.12:80", { state: "TIME_WAIT", expires: 61 }),
  dns: connectionOf("198.51.100.7:53000 192.0.2.1:53 10.0.0.11:53", {
    ...{ protocol: "UDP", state: "UDP", expires: 299, timeout: 300 },
    ...{ method: "route", service: keyOf("udp/192.0.2.1:53") },
  }),
  full: connectionOf("[2001:db8:2::7]:40000 [2001:db8::1]:443 [2001:db8:1::11]:8443", {
    ...{ method: "fullnat", service: WEB6, local: endpointOf("[2001:db8:1::1]:1025"), expires: 3725 },
  }),
  anyPort: connectionOf("198.51.100.7:40002 192.0.2.3:8080 10.0.0.11:8080", {
    service: keyOf("tcp/192.0.2.3:0"),
  }),
  template: connectionOf("198.51.100.0:0 0.0.0.7:0 10.0.0.11:0", {
    ...{ protocol: "IP", state: "ASSURED", template: true, expires: 59, timeout: 360 },
    service: { kind: "mark", family: 4, mark: 7 },
  }),
  marked: connectionOf("198.51.100.7:40003 192.0.2.9:25 10.0.0.11:25", {
    service: { kind: "mark", family: 4, mark: 7 },
  }),
};

function director(): MemoryAdministration {
  const made = new MemoryAdministration();
  made.entries = Object.values(ENTRIES);
  return made;
}

const FILTERS: readonly (readonly [string, string])[] = [
  ["-p tcp", "nat orphan full anyPort marked"],
  ["-p udp -p ip", "dns template"],
  ["--protocol=udp,ip", "dns template"],
  ["-s time_wait,udp", "orphan dns"],
  ["--client 198.51.100.7", "nat dns anyPort marked"],
  ["-c 198.51.100.7:53000", "dns"],
  ["--client=198.51.100.8/30:40001", "orphan"],
  ["-c 198.51.100.8/31 -c 2001:db8:2::/48", "orphan full"],
  ["--client :40000", "nat full"],
  ["--vip 192.0.2.0/29", "nat orphan dns anyPort"],
  ["--vip 192.0.2.1 --server 10.0.0.11", "nat dns"],
  ["-r [2001:db8:1::11]:8443", "full"],
  ["-r [2001:db8:1::/64]:8443", "full"],
  ["-r [2001:db8:1::11]:80", ""],
  ["-r 0.0.0.0/0", "nat orphan dns anyPort template marked"],
  ["-r ::/0", "full"],
  ["-t 192.0.2.1:80", "nat orphan"],
  ["-t 192.0.2.1", "nat orphan"],
  ["-t192.0.2.1:80 -u 192.0.2.1:53", "nat orphan dns"],
  ["-t [2001:db8::1]:443", "full"],
  ["-t 192.0.2.3:0", "anyPort"],
  ["-t 192.0.2.3:8080", "anyPort"],
  ["-t 192.0.2.9:25", ""],
  ["--sctp-service 192.0.2.1", ""],
  ["-f 7", "template marked"],
  ["--mark 0x7 --templates", "template"],
  ["-f 7 -t 192.0.2.1 -c 198.51.100.7", "nat marked"],
  ["--templates", "template"],
];

describe("filters of connections", () => {
  for (const [filter, expected] of FILTERS) {
    test(`${filter}: ${expected || "none"}`, async () => {
      const wanted = expected === "" ? [] : expected.split(" ").map((name) => ENTRIES[name]!);
      const { status, stdout } = await runCommand(`connections --json ${filter}`, director());
      assert.equal(status, 0);
      const found = JSON.parse(stdout) as { client: { address: string; port: number }; protocol: string }[];
      assert.deepEqual(
        found.map(({ client, protocol }) => `${protocol.toUpperCase()} ${client.address} ${client.port}`),
        wanted.map(({ source, protocol }) => `${protocol} ${source.address} ${source.port}`),
      );
    });

    test(`flush ${filter}`, async () => {
      const flushed = director();
      const kept = flushed.entries.filter(
        (entry) => !expected.split(" ").some((name) => ENTRIES[name] === entry),
      );
      const count = flushed.entries.length - kept.length;
      const entries = count === 1 ? "entry" : "entries";
      assert.deepEqual(await runCommand(`flush ${filter}`, flushed), {
        status: 0,
        stdout: `${count} ${entries} of the connection table ended\n`,
        stderr: "",
      });
      assert.deepEqual(flushed.entries, kept);
    });
  }

  test("every state can be chosen by", () => {
    for (const name of STATE_NAMES) if (name !== "") assert.ok(STATES.includes(name), name);
    for (const name of STATES) assert.ok((STATE_NAMES as readonly string[]).includes(name), name);
  });
});

describe("lvs connections", () => {
  test("for people", async () => {
    const { stdout } = await runCommand("connections", director());
    assert.equal(
      stdout,
      `PROTO  STATE        EXPIRES  CLIENT                 VIRTUAL            SERVER                 METHOD   NOTES
TCP    ESTABLISHED  14:59    198.51.100.7:40000     192.0.2.1:80       10.0.0.11:8080         masq
TCP    TIME_WAIT    01:01    198.51.100.8:40001     192.0.2.1:80       10.0.0.12:80           masq
UDP    UDP          04:59    198.51.100.7:53000     192.0.2.1:53       10.0.0.11:53           route
TCP    ESTABLISHED  62:05    [2001:db8:2::7]:40000  [2001:db8::1]:443  [2001:db8:1::11]:8443  fullnat  as [2001:db8:1::1]:1025
TCP    ESTABLISHED  14:59    198.51.100.7:40002     192.0.2.3:8080     10.0.0.11:8080         masq
IP     ASSURED      00:59    198.51.100.0:0         mark 7             10.0.0.11:0            masq     template
TCP    ESTABLISHED  14:59    198.51.100.7:40003     192.0.2.9:25       10.0.0.11:25           masq     mark 7
`,
    );
  });

  test("as JSON", async () => {
    const { stdout } = await runCommand("connections --json -p ip,tcp --client 198.51.100.0/29", director());
    const [nat, anyPort, template] = JSON.parse(stdout) as unknown[];
    assert.deepEqual(nat, {
      ...{ protocol: "tcp", state: "ESTABLISHED", expires: 899, timeout: 900, template: false },
      client: { address: "198.51.100.7", port: 40000 },
      virtual: { address: "192.0.2.1", port: 80 },
      server: { address: "10.0.0.11", port: 8080 },
      local: { address: "198.51.100.7", port: 40000 },
      ...{ method: "masquerade", service: "tcp/192.0.2.1:80", mark: null, engine: null },
    });
    assert.deepEqual((anyPort as { service: string }).service, "tcp/192.0.2.3:0");
    assert.deepEqual(template, {
      ...{ protocol: "ip", state: "ASSURED", expires: 59, timeout: 360, template: true },
      client: { address: "198.51.100.0", port: 0 },
      virtual: { address: "0.0.0.7", port: 0 },
      server: { address: "10.0.0.11", port: 0 },
      local: { address: "198.51.100.0", port: 0 },
      ...{ method: "masquerade", service: "fwm4/7", mark: 7, engine: null },
    });
  });

  test("an empty table", async () => {
    const empty = new MemoryAdministration();
    assert.equal((await runCommand("connections --json", empty)).stdout, "[]\n");
    assert.equal(
      (await runCommand("connections", empty)).stdout,
      "PROTO  STATE  EXPIRES  CLIENT  VIRTUAL  SERVER  METHOD  NOTES\n",
    );
  });

  test("columns of a large table are aligned as far as its beginning tells", async () => {
    const large = new MemoryAdministration();
    large.entries = [...Array.from({ length: 20_000 }, () => ENTRIES.nat!), ENTRIES.full!];
    const lines = (await runCommand("connections", large)).stdout.split("\n");
    assert.equal(lines.length, 20_003);
    assert.equal(new Set(lines.slice(1, 20_001)).size, 1);
    assert.match(lines[20_001]!, /2001:db8:1::1/);
  });
});

test("lvs flush --all ends everything", async () => {
  const flushed = director();
  assert.equal(
    (await runCommand("flush --all", flushed)).stdout,
    "7 entries of the connection table ended\n",
  );
  assert.deepEqual(flushed.entries, []);
});

test("wrong usage ends with status 2 and says where to look", async () => {
  assert.deepEqual(await runCommand("flush"), {
    status: 2,
    stdout: "",
    stderr:
      "lvs: lvs flush wants to know which connections to end; to end every one, say --all\n`lvs --help` tells more.\n",
  });
});

test("each command has its help", async () => {
  const { parseRequest, TOPICS } = await import("./arguments.ts");
  for (const topic of TOPICS) {
    const { status, stdout } = await runCommand(`help ${topic}`);
    assert.equal(status, 0);
    assert.ok(stdout.split("\n").every((line) => line.length <= 120));
    if (topic !== "ipvsadm" && topic !== "iptables") {
      assert.match(stdout, new RegExp(`^Usage: lvs ${topic}`));
      assert.deepEqual(parseRequest([topic, "--help"]), { kind: "help", topic });
    }
  }
});
