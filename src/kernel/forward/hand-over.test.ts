import assert from "node:assert/strict";
import { test } from "node:test";
import { REDIRECT_INGRESS, TC_NEXT, TC_REDIRECT } from "../../bpf/index.ts";
import { LOOPBACK } from "../headers.ts";
import { runCommand } from "../testing/commands.ts";
import { SERVER_SIDE, TestDirector } from "../testing/director.ts";
import { tcpFrame } from "../testing/frames.ts";

const VIRTUAL = "192.0.2.1:80";
const SERVER = "10.0.0.1:8080";
/** An address that is the director's own, as there is no way to it. */
const OWN = "203.0.113.1:40000";

function directorOf(...commands: readonly string[]): TestDirector {
  const director = new TestDirector();
  for (const each of commands) runCommand(director.configuration, each.split(" "));
  return director;
}

test("a client on the director gets its reply by loopback", () => {
  const director = directorOf(
    `ipvsadm -A -t ${VIRTUAL} -s rr`,
    `ipvsadm -a -t ${VIRTUAL} -r ${SERVER} -m`,
    // Whatever comes to the virtual address opens a connection.
    "ipvsadm -A -t 192.0.2.1:0 -s rr -p",
    "ipvsadm -a -t 192.0.2.1:0 -r 10.0.0.2:0 -m",
  );
  director.receive(tcpFrame("client", OWN, VIRTUAL, "S"), { ifindex: LOOPBACK });
  const reply = tcpFrame("server", SERVER, OWN, "SA", { ip: { timeToLive: 9 } });
  const { verdict, packet } = director.receive(reply, { ifindex: SERVER_SIDE });
  assert.equal(verdict, TC_REDIRECT);
  assert.deepEqual(packet.redirected, { kind: "redirect", ifindex: LOOPBACK, flags: REDIRECT_INGRESS });
  const expected = tcpFrame("server", VIRTUAL, OWN, "SA", { ip: { timeToLive: 9 } });
  assert.deepEqual(packet.bytes.subarray(14), expected.subarray(14));
  assert.deepEqual([...packet.bytes.subarray(0, 6)], [0, 0, 0, 0, 0, 0], "loopback's own address");

  const again = director.receive(packet.bytes, { ifindex: LOOPBACK });
  assert.equal(again.verdict, TC_NEXT, "there it is left alone");
  assert.deepEqual(again.packet.bytes, packet.bytes);
  assert.equal(director.connections().length, 1);
});
