import assert from "node:assert/strict";
import { test } from "node:test";
import { TC_REDIRECT } from "../../bpf/index.ts";
import { buildIp, emitIcmpv4, formatIp, ip, PROTOCOL, parseIpPacket } from "../../net/index.ts";
import { frame } from "../testing/frames.ts";
import { FTP_FAMILIES, FtpSession } from "./testing/session.ts";

/** What the server reads of a router's error about the last packet that the client was sent: the sequence number that it quotes. */
function complain(session: FtpSession): number {
  const addresses = { source: ip("198.18.0.77"), destination: ip("192.0.2.1") };
  const message = { type: 3, code: 4, parameter: 1400, payload: session.dialogue.last.subarray(0, 28) };
  const bytes = frame("client", buildIp(addresses, PROTOCOL.ICMP, emitIcmpv4(message)));
  const { verdict, packet } = session.dialogue.raw("client", bytes);
  assert.equal(verdict, TC_REDIRECT);
  const { transport, destination } = parseIpPacket(packet.bytes.subarray(14));
  assert.equal(formatIp(destination), "10.0.0.1");
  assert.ok(transport.kind === "icmp" && transport.checksumValid);
  return new DataView(transport.payload.buffer, transport.payload.byteOffset).getUint32(24);
}

test("errors about a server's segments quote its own sequence numbers", () => {
  const session = new FtpSession(FTP_FAMILIES[0]!);
  session.say("PASV\r\n");
  const before = session.serverNext;
  session.answer("227 (10,0,0,1,200,0)\r\n");
  assert.equal(complain(session), before);
  const behind = session.serverNext;
  session.answer("226 done\r\n");
  assert.notEqual(session.readNext, session.serverNext);
  assert.equal(complain(session), behind);
});
