import assert from "node:assert/strict";
import { test } from "node:test";
import type { ExplainedServer, Explanation } from "../../ipvs/explain/model.ts";
import { buildPacket, PacketLengthError } from "../../ipvs/explain/packet.ts";
import type { ConnectionEntry, Endpoint } from "../../ipvs/model.ts";
import { describePacket } from "../../net/index.ts";
import { runCommand } from "../testing/run-lvs.ts";
import { readExplainCommand } from "./explain-request.ts";
import { explanationJson, explanationText } from "./explain-text.ts";

const TCP = ["-p", "tcp", "--src", "198.51.100.7:40000", "--dst", "192.0.2.1:80"];

function packetOf(words: readonly string[]): string {
  const { packet } = readExplainCommand(words);
  return describePacket(buildPacket({ ...packet, flags: packet.flags ?? ["SYN"] }), "ip");
}

test("a packet is built from what is said of it", () => {
  assert.match(packetOf(TCP), /^IP 198.51.100.7.40000 > 192.0.2.1.80: Flags \[S\]/);
  assert.match(packetOf([...TCP, "--flags", "syn,ack"]), /Flags \[S\.\]/);
  assert.match(packetOf([...TCP, "--flags", "none", "--length", "1500"]), /Flags \[none\].*length 1460$/);
  assert.match(
    packetOf(["-p", "udp", "-s", "[2001:db8::7]:5000", "-d", "[2001:db8::1]:53"]),
    /^IP6 2001:db8::7.5000 > 2001:db8::1.53: UDP, length 0/,
  );
  assert.match(packetOf(["-p", "icmp", "-s", "2001:db8::7", "-d", "2001:db8::1"]), /ICMP6, echo request/);
  assert.match(packetOf(["-p", "sctp", "-s", "1.1.1.1:5", "-d", "1.1.1.2:7"]), /protocol 132, length 32/);
  assert.throws(() => packetOf([...TCP, "--length", "20"]), PacketLengthError);
});

test("a length that such a packet cannot have is wrong usage", async () => {
  const WORDS = "explain --src 198.51.100.7:40000 --dst 192.0.2.1:80 --length";
  for (const [line, lengths] of [
    [`${WORDS} 39 -p tcp`, "40 to 65535 bytes, not 39"],
    ["explain --src 198.51.100.7 --dst 192.0.2.1 --length 20 -p icmp", "28 to 65535 bytes, not 20"],
  ] as const) {
    assert.deepEqual(await runCommand(line), {
      ...{ status: 2, stdout: "" },
      stderr: `lvs: --length: such a packet has ${lengths}\n\`lvs --help\` tells more.\n`,
    });
  }
});

test("flags are left open unless they are said", () => {
  assert.equal(readExplainCommand(TCP).packet.flags, null);
  assert.deepEqual(readExplainCommand([...TCP, "--flags", "FIN,ACK"]).packet.flags, ["FIN", "ACK"]);
});

const end = (address: string, port: number): Endpoint => ({ family: 4, address, port });
const server = (last: number): ExplainedServer => ({
  ...end(`10.0.0.${last}`, 8080),
  method: "masquerade",
  tunnel: null,
});
const entry: ConnectionEntry = {
  ...{ template: false, protocol: "TCP", state: "SYN_RECV", expires: 59, timeout: 60, service: null },
  ...{ method: "masquerade", source: end("198.51.100.7", 40000), virtual: end("192.0.2.1", 80) },
  ...{ local: end("198.51.100.7", 40000), destination: end("10.0.0.11", 8080), engine: null },
};
const explanation: Explanation = {
  packet: {
    ...{ family: 4, protocol: "tcp", source: end("198.51.100.7", 40000), destination: end("192.0.2.1", 80) },
    ...{ interface: "eth0", mark: 7, flags: ["SYN"], length: 40 },
  },
  steps: [
    { step: "interface", name: "eth0", attached: true, why: null },
    {
      step: "service",
      service: { kind: "address", family: 4, protocol: "tcp", address: "192.0.2.1", port: 80 },
      ...{ by: "port", scheduler: "wlc", persistence: null, onePacket: false },
    },
    {
      ...{ step: "schedule", scheduler: "wlc", random: false, how: "the least" },
      candidates: [
        {
          ...{ server: server(12), weight: 0, active: 0, inactive: 0, excluded: "weight 0" },
          ...{ compared: null, chance: null, chosen: false },
        },
        {
          ...{ server: server(11), weight: 3, active: 3, inactive: 2, excluded: null },
          ...{ compared: { load: 770, divisor: 3 }, chance: null, chosen: true },
        },
      ],
      chosen: server(11),
    },
    { step: "connection-made", entry },
    {
      ...{ step: "rewrite", method: "masquerade", outer: null },
      before: { source: end("198.51.100.7", 40000), destination: end("192.0.2.1", 80) },
      after: { source: end("198.51.100.7", 40000), destination: end("10.0.0.11", 8080) },
    },
    {
      ...{ step: "next-hop", interface: "eth1", known: "asked", mac: "02:00:00:00:00:0b" },
      ...{ neighbour: "10.0.0.11", mtu: 1500, length: 40 },
    },
  ],
  verdict: { kind: "sent", interface: "eth1", packets: 1 },
  effects: {
    connection: entry,
    counters: {
      ...{ server: server(11), connections: 1, inPackets: 1, inBytes: 40, outPackets: 0, outBytes: 0 },
    },
  },
  ...{ frame: "00", ran: "kernel", disagreement: [] },
};

test("an explanation for people", () => {
  assert.equal(
    explanationText(explanation),
    `\
tcp SYN 198.51.100.7:40000 > 192.0.2.1:80, 40 bytes, in by eth0, mark 7

interface   eth0, attached
service     tcp/192.0.2.1:80, found by address and port; wlc
scheduler   wlc: the least
               SERVER          WEIGHT  ACTIVE  INACT  COMPARED
               10.0.0.12:8080       0       0      0  -                 weight 0
            *  10.0.0.11:8080       3       3      2  770 / 3 = 256.67
            chosen: 10.0.0.11:8080 (masquerade)
connection  is made: TCP SYN_RECV 198.51.100.7:40000 > 192.0.2.1:80 > 10.0.0.11:8080
rewrite     destination 192.0.2.1:80 becomes 10.0.0.11:8080
next hop    eth1, 10.0.0.11 at 02:00:00:00:00:0b (the kernel is asked, as once a second)
            40 of at most 1500 bytes

SENT        by eth1
            counted for 10.0.0.11:8080: 1 connection, 1 packet in of 40 bytes
`,
  );
});

test("what the host drops, as it does not forward, is not told as if it went on", () => {
  const why = "it is none of the director's";
  const text = explanationText({
    ...explanation,
    verdict: { kind: "kernel", changed: false, fate: "not forwarded", why },
  });
  assert.match(
    text,
    /^KERNEL +gets it untouched \(not forwarded: forwarding is off, so the host drops it\): it/m,
  );
});

test("a packet of the host's own comes in by no interface", () => {
  const text = explanationText({
    ...explanation,
    packet: { ...explanation.packet, interface: null, mark: 0 },
    steps: [{ step: "own-packet", interface: "eth0" }],
    verdict: { kind: "kernel", changed: false, fate: "sent", why: "it is its own" },
  });
  assert.match(text, /^tcp SYN .*, 40 bytes, of this host itself$/m);
  assert.match(text, /^interface +comes in by none; leaves by eth0$/m);
  assert.match(text, /^KERNEL +gets it untouched \(sent\): it is its own$/m);
});

test("without a connection something goes to a server, but not under FullNAT", () => {
  const textOf = (method: ExplainedServer["method"]) =>
    explanationText({
      ...explanation,
      steps: [{ step: "by-itself", server: { ...server(11), method }, why: "no-room" }],
    });
  assert.match(textOf("masquerade"), /full\): it goes to 10.0.0.11:8080 \(masquerade\) by itself$/m);
  assert.match(textOf("fullnat"), /full\), without which nothing goes to 10.0.0.11:8080 \(fullnat\)$/m);
});

test("a disagreement is not passed over", () => {
  const text = explanationText({
    ...explanation,
    disagreement: ["the kernel's verdict is 2, the simulator's 7"],
  });
  assert.match(text, /DO NOT AGREE[\s\S]*the kernel's verdict is 2/);
});

test("JSON is the explanation itself", () => {
  assert.deepEqual(JSON.parse(explanationJson(explanation)), explanation);
});
