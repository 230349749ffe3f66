import assert from "node:assert/strict";
import { test } from "node:test";
import { parseRequest } from "./arguments.ts";
import { UsageError } from "./usage-error.ts";

test("each command is understood", () => {
  assert.deepEqual(parseRequest(["attach", "eth0", "eth1"]), {
    kind: "attach",
    interfaces: ["eth0", "eth1"],
  });
  assert.deepEqual(parseRequest(["detach"]), { kind: "detach", interfaces: [] });
  assert.deepEqual(parseRequest(["status", "--json"]), { kind: "status", json: true });
  assert.deepEqual(parseRequest(["unload"]), { kind: "unload" });
  assert.deepEqual(parseRequest(["lab", "nat", "--keep"]), {
    kind: "lab",
    name: "nat",
    variant: null,
    keep: true,
    remove: false,
  });
  assert.deepEqual(parseRequest(["lab", "--remove", "nat", "rr"]), {
    kind: "lab",
    name: "nat",
    variant: "rr",
    keep: false,
    remove: true,
  });
  assert.deepEqual(parseRequest(["status", "-h"]), { kind: "help", topic: "status" });
  assert.deepEqual(parseRequest(["help", "ipvsadm"]), { kind: "help", topic: "ipvsadm" });
  assert.deepEqual(parseRequest(["--help"]), { kind: "help", topic: null });
  const doctor = {
    kind: "doctor",
    json: false,
    fix: false,
    role: null,
    virtualAddresses: [],
    directors: [],
    probe: true,
  };
  assert.deepEqual(parseRequest(["doctor"]), doctor);
  assert.deepEqual(parseRequest(["doctor", "--fix", "--json", "--no-probe", "--role", "director"]), {
    ...doctor,
    ...{ fix: true, json: true, probe: false, role: "director" },
  });
  assert.deepEqual(parseRequest(["doctor", "--vip=2001:DB8::1", "--director", "10.0.0.1"]), {
    ...doctor,
    ...{ role: "realserver", virtualAddresses: ["2001:db8::1"], directors: ["10.0.0.1"] },
  });
  assert.deepEqual(parseRequest(["flush", "--all"]), { kind: "flush", filter: null });
});

for (const [argv, message] of [
  [[], /a command is missing: one of attach/],
  [["bananas"], /no command "bananas": there are attach/],
  [["status", "--yaml"], /lvs status does not know the option --yaml: it takes --json/],
  [["unload", "eth0"], /lvs unload takes no arguments, but got eth0/],
  [["lab"], /takes the name of one lab/],
  [["lab", "nat", "rr", "dr"], /takes the name of one lab/],
  [["lab", "nat", "--keep", "--remove"], /either keeps a lab/],
  [["bananas", "--help"], /no command "bananas": there are attach/],
  [["bananas", "-h"], /no command "bananas"/],
  [["help", "bananas"], /no help on "bananas", only on attach/],
  [["flush"], /to end every one, say --all/],
  [["flush", "--all", "-t", "192.0.2.1"], /either --all connections or those of a filter/],
  [["flush", "192.0.2.1"], /takes no arguments, but got 192.0.2.1/],
  [["connections", "--client"], /--client needs an address behind it/],
  [["connections", "--client", "10.0.0.0/33"], /--client "10.0.0.0\/33" is no address: say/],
  [["connections", "--server", "2001:db8::1:80000:"], /is no address/],
  [["connections", "--vip", "192.0.2.1:80000"], /is no address/],
  [["connections", "-p", "tpc"], /"tpc" is no protocol: there are TCP/],
  [["connections", "-s", "ESTABLISHED,OPEN"], /"OPEN" is no state: there are NONE, ESTABLISHED/],
  [["connections", "-f", "0"], /"0" is no firewall mark/],
  [["connections", "--templates=yes"], /--templates of lvs connections takes no argument/],
  [
    ["explain", "--src", "1.1.1.1:1", "--dst", "1.1.1.2:80"],
    /needs --protocol with tcp, udp.*as in `lvs explain/,
  ],
  [["explain", "-p", "tpc", "-s", "1.1.1.1:1", "-d", "1.1.1.2:80"], /--protocol "tpc" is none of tcp, udp/],
  [
    ["explain", "-p", "tcp", "-s", "1.1.1.1", "-d", "1.1.1.2:80"],
    /--src "1.1.1.1" lacks a port, which tcp has/,
  ],
  [
    ["explain", "-p", "tcp", "-s", "1.1.1.1:1", "-d", "1.1.1.2:99999"],
    /--dst "1.1.1.2:99999" is not an address/,
  ],
  [
    ["explain", "-p", "tcp", "-s", "1.1.1.1:1", "-d", "[2001:db8::1]:80"],
    /both be IPv4 addresses, or both IPv6/,
  ],
  [
    ["explain", "-p", "icmp", "-s", "1.1.1.1:1", "-d", "1.1.1.2"],
    /--src "1.1.1.1:1" has a port, but icmp has none/,
  ],
  [
    ["explain", "-p", "udp", "-s", "1.1.1.1:1", "-d", "1.1.1.2:53", "--flags", "SYN"],
    /those of TCP, not of udp/,
  ],
  [
    ["explain", "-p", "tcp", "-s", "1.1.1.1:1", "-d", "1.1.1.2:80", "--flags", "SYM"],
    /--flags "SYM" is none of FIN/,
  ],
  [
    ["explain", "-p", "tcp", "-s", "1.1.1.1:1", "-d", "1.1.1.2:80", "--mark", "-1"],
    /--mark "-1" is no number from 0/,
  ],
  [
    ["explain", "-p", "tcp", "-s", "1.1.1.1:1", "-d", "1.1.1.2:80", "--mac", "02:00"],
    /is no Ethernet address/,
  ],
  [["explain", "-p", "tcp", "-s", "1.1.1.1:1", "-s", "1.1.1.3:1", "-d", "1.1.1.2:80"], /takes --src once/],
  [["sysctl", "-a", "conn_reuse_mode"], /either --all sysctls or those named/],
  [["sysctl", "-w", "conn_reuse_mode"], /--write wants NAME=VALUE/],
  [["sysctl", "conn_reuse_mode="], /no value behind the =/],
  [["sysctl", "=1"], /names no sysctl/],
  [["doctor", "eth0"], /lvs doctor takes no arguments, but got eth0/],
  [["doctor", "--role", "router"], /--role is one of director, realserver, not router/],
  [["doctor", "--vip", "localhost"], /--vip wants an address such as 192.0.2.1, not "localhost"/],
  [["doctor", "--role=director", "--vip=192.0.2.1"], /describe a real server, not a director/],
  [["sysctl", "-p"], /does not know the option -p: it takes --all/],
] as const) {
  test(`lvs ${argv.join(" ")} says what would be right`, () => {
    assert.throws(
      () => parseRequest(argv),
      (error) => error instanceof UsageError && message.test(error.message),
    );
  });
}
