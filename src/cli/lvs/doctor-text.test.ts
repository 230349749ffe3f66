import assert from "node:assert/strict";
import { test } from "node:test";
import type { Finding } from "../../ipvs/doctor/finding.ts";
import { doctorJson, doctorText } from "./doctor-text.ts";

const REDIRECTS: Finding = {
  ...{
    code: "send-redirects",
    severity: "warning",
    where: "eth0",
    what: "What was seen.",
    why: "What follows.",
  },
  remedy: { kind: "sysctl", settings: [["net.ipv4.conf.all.send_redirects", 0]] },
};
const EMPTY: Finding = {
  ...{
    code: "service-empty",
    severity: "error",
    where: "TCP 192.0.2.1:80",
    what: "No servers.",
    why: "Refused.",
  },
  remedy: { kind: "advice", command: "ipvsadm -a" },
};

test("findings are told with the worst first", () => {
  const report = [
    { finding: REDIRECTS, fixed: false },
    { finding: EMPTY, fixed: false },
  ];
  assert.equal(
    doctorText(report, ["director"]),
    `error: TCP 192.0.2.1:80 [service-empty]
  No servers.
  Refused.
  try: ipvsadm -a

warning: eth0 [send-redirects]
  What was seen.
  What follows.
  --fix: sysctl -w net.ipv4.conf.all.send_redirects=0

As a director: 1 error, 1 warning.
`,
  );
});

test("what was mended is told with the command that was run", () => {
  assert.equal(
    doctorText([{ finding: REDIRECTS, fixed: true }], ["director"]),
    `fixed: eth0 [send-redirects]
  What was seen.
  What follows.
  ran: sysctl -w net.ipv4.conf.all.send_redirects=0

As a director: 1 fixed.
`,
  );
});

test("nothing found", () => {
  assert.equal(doctorText([], ["realserver"]), "As a real server: nothing found.\n");
});

test("findings as JSON", () => {
  assert.deepEqual(JSON.parse(doctorJson([{ finding: EMPTY, fixed: false }])), [
    {
      ...{ code: "service-empty", severity: "error", where: "TCP 192.0.2.1:80", what: "No servers." },
      ...{ why: "Refused.", command: "ipvsadm -a", safe: false, fixed: false },
    },
  ]);
  assert.equal(doctorJson([]), "[]\n");
});
