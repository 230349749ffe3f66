/** Packets of known connections that cannot be evaluated, where rules may drop. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { TC_REDIRECT, TC_SHOT } from "../../bpf/index.ts";
import { LOOPBACK } from "../headers.ts";
import { TestDirector } from "../testing/director.ts";
import { interfaceOf, tcpFrame } from "../testing/frames.ts";
import { changeRules, evaluated } from "./testing/change.ts";

const [CLIENT, VIRTUAL, SERVER] = ["198.18.0.1:1000", "192.0.2.1:80", "10.0.0.1:8080"];
/** Where an IPv4 header has the packet's length in a frame. */
const TOTAL_LENGTH = 16;

/** A director with a connection that was made before the rules changed. */
function begin(): TestDirector {
  const director = new TestDirector();
  director.configuration.addService("tcp", VIRTUAL, "rr");
  director.configuration.addServer("tcp", VIRTUAL, SERVER);
  assert.equal(send(director, tcpFrame("client", CLIENT, VIRTUAL, "S")), TC_REDIRECT);
  changeRules(director);
  return director;
}

function send(director: TestDirector, bytes: Uint8Array, ifindex = interfaceOf("client")): number {
  return director.receive(bytes, { ifindex }).verdict;
}

for (const length of [0, 19]) {
  test(`an IPv4 packet that says to be ${length} bytes long is dropped, as by the stack`, () => {
    const director = begin();
    const bytes = tcpFrame("client", CLIENT, VIRTUAL, "A");
    new DataView(bytes.buffer, bytes.byteOffset).setUint16(TOTAL_LENGTH, length);
    assert.equal(send(director, bytes), TC_SHOT);
    assert.equal(evaluated(director, 4), 0);
    // It decided nothing about those that follow.
    assert.equal(send(director, tcpFrame("client", CLIENT, VIRTUAL, "A")), TC_REDIRECT);
    assert.equal(evaluated(director, 4), 1);
  });
}

test("a handed-over packet of a known connection is evaluated, as it is one that the rules decide about", () => {
  const director = begin();
  const bytes = tcpFrame("client", CLIENT, VIRTUAL, "A");
  bytes.set([0x02, 0x00, 0x4c, 0x56, 0x53, 0x00], 6);
  for (let i = 0; i < 2; i++) {
    assert.equal(send(director, bytes, LOOPBACK), TC_REDIRECT);
    assert.equal(evaluated(director, 4), 1);
  }
});
