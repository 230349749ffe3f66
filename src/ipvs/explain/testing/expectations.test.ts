import assert from "node:assert/strict";
import { test } from "node:test";
import { frame } from "../../../kernel/testing/frames.ts";
import { buildIp, buildTcp, endpoint, ip } from "../../../net/index.ts";
import { isLateComplaint, isOwnComplaint } from "./expectations.ts";

const ICMP = { 4: [1, 3, 1], 6: [58, 1, 3] } as const;

test("host unreachable is late if it is about another packet than the one that came in", () => {
  for (const [version, client, virtual, own] of [
    [4, "198.18.0.1", "192.0.2.1", "169.254.1.2"],
    [6, "[2001:db8:1::1]", "[2001:db8:f::1]", "2001:db8:c::2"],
  ] as const) {
    const packetFrom = (port: number) =>
      buildTcp(endpoint(`${client}:${port}`), endpoint(`${virtual}:80`), "S");
    const [arrived, other] = [packetFrom(40000), packetFrom(40001)];
    const [protocol, type, code] = ICMP[version];
    const complaint = (about: Uint8Array) => {
      const addresses = { source: ip(own), destination: endpoint(`${client}:0`).address };
      const body = Uint8Array.from([type, code, 0, 0, 0, 0, 0, 0, ...about]);
      return frame("client", buildIp(addresses, protocol, body));
    };
    const here = frame("client", arrived);
    assert.equal(isLateComplaint(complaint(arrived), here), false, "its own");
    assert.equal(isLateComplaint(complaint(other), here), true, "another's");
    assert.equal(isLateComplaint(here, here), false, "none at all");
  }
});

test("what the host says to itself is its own, what it says to others is not", () => {
  const arrived = buildTcp(endpoint("198.18.0.1:40000"), endpoint("192.0.2.1:80"), "S");
  const complaint = (to: string) => {
    const addresses = { source: ip("10.0.0.254"), destination: ip(to) };
    return frame("client", buildIp(addresses, 1, Uint8Array.from([3, 1, 0, 0, 0, 0, 0, 0, ...arrived])));
  };
  assert.equal(isOwnComplaint(complaint("10.0.0.254")), true);
  assert.equal(isOwnComplaint(complaint("198.18.0.1")), false);
  assert.equal(isOwnComplaint(frame("client", arrived)), false);
});
