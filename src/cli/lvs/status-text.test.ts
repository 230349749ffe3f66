import assert from "node:assert/strict";
import { test } from "node:test";
import type { DirectorStatus, ProgramStatus } from "../../ipvs/index.ts";
import { statusJson, statusText } from "./status-text.ts";

const PROGRAM: ProgramStatus = {
  ...{ id: 7, name: "lvs4_00", options: { tcp: true, udp: false }, current: true },
  ...{ machineCodeBytes: 20_400, verifiedInstructions: 40_000 },
};

const READY: DirectorStatus = {
  ...{ state: "ready", problem: null, directory: "/run/lvs/bpf/1", layoutVersion: 3, attachment: "tcx" },
  program: PROGRAM,
  programs: [PROGRAM, { ...PROGRAM, id: 8, name: "lva4_00", current: false }],
  interfaces: [
    { index: 1, name: "lo", excluded: null, attached: true },
    { index: 2, name: "eth0", excluded: null, attached: false },
  ],
  clock: { ticking: true, age: 110 },
  tables: [{ table: "connections", used: 512, size: 1024 }],
  maps: [
    { map: "flows", entries: 1024, bytes: 3 * 2 ** 20 },
    { map: "due", entries: 1024, bytes: 2 ** 19 },
  ],
  localClients: true,
  rules: { ipv4: 3, ipv6: 0 },
  events: { created: 12n },
  forwardingOff: ["net.ipv4.ip_forward"],
  features: {
    ...({} as DirectorStatus["features"]),
    tcxLinks: true,
    timers: { missing: "needs Linux 5.15" },
  },
  cache: { directory: "/var/cache/lvs", problem: null },
};

test("lvs status says what there is and what is in the way", () => {
  assert.equal(
    statusText(READY),
    `state           ready
directory       /run/lvs/bpf/1
programs        lvs4_00 #7, 20400 bytes
                lva4_00 #8, 20400 bytes, of another version of lvs: the next change replaces it
compiled for    tcp
clock           ticking, last tick 110 ms ago
FORWARDING OFF  net.ipv4.ip_forward is 0: packets are not forwarded; \`sysctl -w net.ipv4.ip_forward=1\` helps
local clients   the director itself can be a client
memory          3.5 MiB in 2 maps
connections     512 of 1024 (50.0 %)
rules, IPv4     3
created         12

Interfaces (tcx links):
  lo    attached
  eth0  NOT ATTACHED: lvs attach

Kernel features: 1 of 2, without
  timers  needs Linux 5.15
`,
  );
});

test("of a namespace without director little is said", () => {
  const none: DirectorStatus = {
    ...READY,
    ...{ state: "none", program: null, programs: [], clock: null, tables: [], maps: [], events: {} },
    ...{ localClients: false, forwardingOff: [], rules: { ipv4: 0, ipv6: 0 } },
  };
  assert.match(
    statusText(none),
    /^state +nothing is configured in this network namespace\ndirectory .*\n\nInterfaces/,
  );
});

test("a director that was only told settings has not begun, which is no fault", () => {
  const told: DirectorStatus = {
    ...{ ...READY, program: null, programs: [], clock: { ticking: false, age: null }, localClients: false },
    tables: [{ table: "services", used: 0, size: 16383 }],
  };
  const text = statusText(told);
  assert.match(text, /^state +ready, and nothing runs before the first service$/m);
  assert.doesNotMatch(text, /STANDING STILL|NOT SERVED/);
  const lost = { ...told, tables: [{ table: "services", used: 1, size: 16383 }] } as const;
  assert.match(statusText(lost), /STANDING STILL[\s\S]*NOT SERVED/);
});

test("lvs status --json has what there is as true, not null", () => {
  const { features, events, forwardingOff } = JSON.parse(statusJson(READY)) as Record<string, unknown>;
  assert.deepEqual(features, { tcxLinks: true, timers: { missing: "needs Linux 5.15" } });
  assert.deepEqual(events, { created: 12 });
  assert.deepEqual(forwardingOff, ["net.ipv4.ip_forward"]);
});
