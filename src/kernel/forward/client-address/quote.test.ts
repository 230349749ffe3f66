import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { TC_REDIRECT } from "../../../bpf/index.ts";
import {
  buildIp,
  emitIcmpv4,
  emitIcmpv6,
  formatIp,
  ip,
  PROTOCOL,
  parseIpPacket,
} from "../../../net/index.ts";
import { POOL_PROXY, POOL_TOA } from "../../tables.ts";
import { frame } from "../../testing/frames.ts";
import { Dialogue, FAMILIES, type Family } from "./testing/dialogue.ts";

/** What the client gets of a router's error, "too large for 1400", about a packet that the server's side was sent. */
function complain(dialogue: Dialogue, family: Family, sent: Uint8Array): { mtu: number; sequence: number } {
  const { source } = parseIpPacket(sent);
  const addresses = {
    source: ip(family.version === 6 ? "2001:db8:a::77" : "10.0.0.77"),
    destination: source,
  };
  const is6 = family.version === 6;
  const message = { type: is6 ? 2 : 3, code: is6 ? 0 : 4, parameter: 1400, payload: sent.subarray(0, 600) };
  const bytes = is6
    ? buildIp(addresses, PROTOCOL.ICMPV6, emitIcmpv6(message, addresses))
    : buildIp(addresses, PROTOCOL.ICMP, emitIcmpv4(message));
  const { verdict, packet } = dialogue.raw("server", frame("server", bytes));
  assert.equal(verdict, TC_REDIRECT);
  const { transport, destination } = parseIpPacket(packet.bytes.subarray(14));
  assert.equal(formatIp(destination), is6 ? "2001:db8:1::1" : "198.18.0.1");
  assert.ok(transport.kind === "icmp" || transport.kind === "icmpv6");
  assert.ok(transport.checksumValid);
  const { payload } = transport;
  const quoted = new DataView(payload.buffer, payload.byteOffset).getUint32(is6 ? 44 : 24);
  return { mtu: transport.parameter & 0xffff, sequence: quoted };
}

for (const family of FAMILIES) {
  describe(`ICMP errors to clients, ${family.name}`, () => {
    const numbers = { sequence: 5001, acknowledgement: 901, payload: new Uint8Array(1000) };

    function answered(flags: number): Dialogue {
      const dialogue = new Dialogue(family, flags);
      dialogue.client("S", { sequence: 5000 });
      dialogue.server("SA", { sequence: 900, acknowledgement: 5001 });
      return dialogue;
    }

    test("leave room for TOA", () => {
      const dialogue = answered(POOL_TOA);
      dialogue.client("A", numbers);
      const { mtu, sequence } = complain(dialogue, family, dialogue.last);
      assert.deepEqual([mtu, sequence], [1400 - family.toa.length / 2, 5001]);
    });

    test("leave room for the PROXY header, and quote what the client sent", () => {
      const length = family.proxy.length / 2;
      const dialogue = answered(POOL_PROXY);
      dialogue.client("A", numbers);
      assert.deepEqual(complain(dialogue, family, dialogue.last), { mtu: 1400 - length, sequence: 5001 });
      dialogue.client("A", { ...numbers, sequence: 6001 });
      assert.deepEqual(complain(dialogue, family, dialogue.last), { mtu: 1400 - length, sequence: 6001 });
      dialogue.server("A", { sequence: 901, acknowledgement: 5001 + length });
      dialogue.client("A", numbers);
      assert.deepEqual(complain(dialogue, family, dialogue.last), { mtu: 1400, sequence: 5001 });
    });
  });
}
