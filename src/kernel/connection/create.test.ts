import assert from "node:assert/strict";
import { test } from "node:test";
import { parseIpPacket } from "../../net/index.ts";
import { CLIENT_SIDE, SERVER_SIDE, TestDirector } from "../testing/director.ts";
import { udpFrame } from "../testing/frames.ts";

const [CLIENT, VIRTUAL, SERVER] = ["198.18.0.10:4000", "192.0.2.1:53", "10.0.0.1:53"] as const;
const MARK = 5;

test("a connection whose requests are taken by another's replies ends, and does not stay unknown to packets", () => {
  const director = new TestDirector();
  const { configuration } = director;
  configuration.addService("mark", String(MARK), "rr");
  configuration.addServer("mark", String(MARK), "10.0.0.2:0");
  configuration.addService("udp", VIRTUAL, "rr");
  configuration.addServer("udp", VIRTUAL, SERVER);
  // A server's late datagram, which a rule marks, opens a connection of its own.
  const late = udpFrame("server", SERVER, CLIENT);
  director.receive(late, { ifindex: SERVER_SIDE, mark: MARK });
  assert.deepEqual(
    director.connections().map(({ source }) => source),
    [SERVER],
  );
  director.receive(udpFrame("client", CLIENT, VIRTUAL), { ifindex: CLIENT_SIDE });
  director.wait(10);
  assert.deepEqual(
    director.connections().map(({ source }) => source),
    [CLIENT],
  );
  assert.equal(director.flowWords(), 2, "of its requests and of its replies");
  const { packet, out } = director.receive(late, { ifindex: SERVER_SIDE, mark: MARK });
  assert.equal(out, CLIENT_SIDE);
  assert.equal(parseIpPacket(packet.bytes.subarray(14)).source.join("."), "192.0.2.1");
});
