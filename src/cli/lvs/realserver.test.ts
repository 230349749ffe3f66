import assert from "node:assert/strict";
import { describe, it, test } from "node:test";
import type { RealServerStatus } from "../../ipvs/realserver/real-server.ts";
import { parseRequest } from "./arguments.ts";
import { changeText, statusesText } from "./realserver-text.ts";
import { UsageError } from "./usage-error.ts";

const NOTHING_SAID = {
  ...{ kind: "realserver", mode: undefined, interfaces: undefined, guePort: undefined, types: undefined },
  ...{ dryRun: false, json: false },
};

test("each action is understood", () => {
  const parse = (line: string) => parseRequest(`realserver ${line}`.split(" "));
  const vips = ["192.0.2.1", "2001:db8::1"];
  assert.deepEqual(parse("start --vip 192.0.2.1 --vip=2001:DB8::1 --mode dr"), {
    ...NOTHING_SAID,
    ...{ action: "start", vips, mode: "dr" },
  });
  const tunnels = "--mode tun --interface eth0 --interface eth1 --gue-port 5555 --tun-type gre,gue";
  assert.deepEqual(parse(`start --vip 192.0.2.1 ${tunnels} --dry-run --json`), {
    ...{ kind: "realserver", action: "start", vips: ["192.0.2.1"], mode: "tun" },
    ...{ interfaces: ["eth0", "eth1"], guePort: 5555, types: ["gue", "gre"], dryRun: true, json: true },
  });
  assert.deepEqual(parse("stop --vip 192.0.2.1"), { ...NOTHING_SAID, action: "stop", vips: ["192.0.2.1"] });
  assert.deepEqual(parse("status"), { ...NOTHING_SAID, action: "status", vips: [] });
  assert.deepEqual(parse("start --help"), { kind: "help", topic: "realserver" });
});

for (const [line, message] of [
  ["", /what to do: start, stop or status$/],
  ["begin", /start, stop or status, not "begin"/],
  ["start", /realserver start wants a virtual address/],
  ["stop", /realserver stop wants a virtual address/],
  ["stop --vip 192.0.2.1 --mode tun", /does not know the option --mode/],
  ["start 192.0.2.1", /takes no arguments, but got 192.0.2.1/],
  ["start --vip 224.0.0.1", /multicast/],
  ["start --vip 192.0.2.1 --mode nat", /--mode is dr \(direct routing\) or tun \(tunnels\), not "nat"/],
  ["start --vip 192.0.2.1 --mode dr --gue-port 1", /are for --mode tun/],
  ["start --vip 192.0.2.1 --mode tun --gue-port 0", /1 to 65535, not "0"/],
  ["start --vip 192.0.2.1 --mode tun --gue-port http", /1 to 65535, not "http"/],
  ["start --vip 192.0.2.1 --mode tun --tun-type vxlan", /"vxlan" is no type of tunnel/],
  ["status --dry-run", /does not know the option --dry-run/],
] as const) {
  test(`refused: lvs realserver ${line}`, () => {
    const words = line === "" ? [] : line.split(" ");
    assert.throws(
      () => parseRequest(["realserver", ...words]),
      (error) => error instanceof UsageError && message.test(error.message),
    );
  });
}

describe("what is printed", () => {
  it("of a change", () => {
    const outcomes = [
      { vip: "192.0.2.1", changed: true, remains: false, notes: ["something stays"] },
      { vip: "192.0.2.2", changed: false, remains: false, notes: [] },
    ];
    assert.equal(
      changeText("stop", { outcomes, commands: [] }),
      "192.0.2.1 is taken down\n  something stays\n192.0.2.2 was not set up by lvs: nothing to do\n",
    );
  });

  it("of what is missing", () => {
    const status: RealServerStatus = {
      ...{ vip: "192.0.2.1", mode: "dr", complete: false, started: false, packets: 7 },
      requirements: [
        { name: "loopback", met: true, essential: true, found: "lo is up", commands: [] },
        {
          ...{ name: "address", met: false, essential: true, found: "192.0.2.1 is on no interface" },
          commands: ["ip address add 192.0.2.1/32 dev lo"],
        },
        { name: "route", met: false, essential: false, found: "no host route", commands: ["ip route add"] },
      ],
    };
    assert.equal(
      statusesText([status]),
      `192.0.2.1 for direct routing: INCOMPLETE
  loopback      ok         lo is up
  address       MISSING    192.0.2.1 is on no interface
                           ip address add 192.0.2.1/32 dev lo
  route         not needed no host route
  packets                  7 taken out of tunnels
`,
    );
  });
});
