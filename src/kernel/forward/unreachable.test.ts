import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { FIB_NOT_FORWARDED, TC_NEXT, TC_REDIRECT } from "../../bpf/index.ts";
import { formatIp, parseIpPacket } from "../../net/index.ts";
import { destinationTable } from "../tables.ts";
import { runCommand } from "../testing/commands.ts";
import { TestDirector } from "../testing/director.ts";
import { interfaceOf, tcpFrame } from "../testing/frames.ts";

const FAMILIES = [
  {
    virtual: "192.0.2.1:80",
    vip: "192.0.2.1",
    server: "10.0.0.1:80",
    client: "198.18.0.10:4000",
    error: [3, 1],
  },
  {
    virtual: "[2001:db8:f::1]:80",
    vip: null,
    server: "[2001:db8:a::1]:80",
    client: "[2001:db8:1::1]:4000",
    error: [1, 3],
  },
] as const;

/** A director that knows no way to the service's only server. */
function directorOf(virtual: string, server: string, method: string): TestDirector {
  const director = new TestDirector({ routes: () => FIB_NOT_FORWARDED });
  runCommand(director.configuration, ["ipvsadm", "-A", "-t", virtual, "-s", "rr"]);
  runCommand(director.configuration, ["ipvsadm", "-a", "-t", virtual, "-r", server, ...method.split(" ")]);
  return director;
}

for (const { virtual, vip, server, client, error } of FAMILIES) {
  describe(`no way to the server of ${virtual}`, () => {
    for (const method of ["-m", "-g", "-i", "-i --tun-type gre", "--fullnat"]) {
      test(`${method}: the client is told, about what it sent`, () => {
        const director = directorOf(virtual, server, method);
        const sent = tcpFrame("client", client, virtual, "S");
        const { verdict, packet } = director.receive(sent, { ifindex: interfaceOf("client") });
        assert.equal(verdict, TC_REDIRECT);
        const { source, destination, transport } = parseIpPacket(packet.bytes.subarray(14));
        assert.equal(formatIp(destination), formatIp(parseIpPacket(sent.subarray(14)).source));
        if (vip !== null) assert.equal(formatIp(source), vip);
        assert.ok(transport.kind === "icmp" || transport.kind === "icmpv6");
        assert.deepEqual([transport.type, transport.code], error);
        const quoted = parseIpPacket(transport.payload);
        assert.equal(formatIp(quoted.destination), formatIp(parseIpPacket(sent.subarray(14)).destination));
      });
    }
  });
}

test("what is for the host itself goes up the stack, as nothing is forwarded there, either", () => {
  const director = directorOf("192.0.2.1:80", "10.0.0.1:80", "-m");
  director.machine.run(() => {
    const [slot] = director.configuration.serversOf("tcp", "192.0.2.1:80").values();
    destinationTable.lookup(slot!)!.isLocal = 1;
  });
  const frame = tcpFrame("client", "198.18.0.10:4000", "192.0.2.1:80", "S");
  assert.equal(director.receive(frame, { ifindex: interfaceOf("client") }).verdict, TC_NEXT);
});
