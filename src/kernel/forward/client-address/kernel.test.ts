/** Good and mutilated packets, one by one through the kernel and the simulator: the same verdicts, and the same bytes. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { TC_SHOT } from "../../../bpf/index.ts";
import { createNetworkNamespace, deleteNetworkNamespace, inNetworkNamespace } from "../../../linux/index.ts";
import { formatEndpoint, parseIpPacket } from "../../../net/index.ts";
import { FORWARD_FULLNAT, POOL_PROXY, POOL_TOA, scratch } from "../../tables.ts";
import { TestDirector } from "../../testing/director.ts";
import { tcpFrame, udpFrame } from "../../testing/frames.ts";
import { compilePrograms, KernelDirector } from "../../testing/kernel-director.ts";
import { mutated, randomNumbers } from "../../testing/mutate.ts";
import { smallTables } from "../../testing/small-tables.ts";
import { FAMILIES, optionBytes, SYN_OPTIONS } from "./testing/dialogue.ts";

const skip = process.getuid?.() === 0 ? false : "loading programs into the kernel needs root";
const LIMIT = 1024;
const ENTRIES = smallTables(LIMIT);
const CONNECTIONS = 120;
const SERVICES = [
  [80, POOL_TOA],
  [81, POOL_PROXY],
  [82, 0],
] as const;
const FIRST = new Uint8Array(4);

/** Options as clients should and should not send them. */
const OPTIONS = [
  "",
  "0101080a0000000700000008",
  "0101fe0801020304fe000000",
  "fe080102030405060101",
  "0512fe02",
].map((text) => Uint8Array.from(Buffer.from(text.padEnd(Math.ceil(text.length / 8) * 8, "01"), "hex")));

/** A frame as hex; the identification and checksum of the director's own packets, ICMP errors, are random. */
function comparable(bytes: Uint8Array): string {
  const copy = Uint8Array.from(bytes);
  if (copy[12] === 8 && copy[23] === 1) copy.fill(0, 18, 20).fill(0, 24, 26);
  return Buffer.from(copy).toString("hex");
}

test(`${CONNECTIONS} dialogues: kernel and simulator agree`, { skip }, async () => {
  const director = new TestDirector({ connectionLimit: LIMIT, entries: ENTRIES, forwarding: false });
  for (const { virtual, server, local } of FAMILIES) {
    for (const [port, flags] of SERVICES) {
      for (const protocol of ["tcp", "udp"] as const) {
        const service = virtual.replace(/80$/, String(port));
        director.configuration.addService(protocol, service, "rr", { flags, localAddresses: [local] });
        // The namespace has no ways: all is for the host itself.
        director.configuration.addServer(protocol, service, server, {
          method: FORWARD_FULLNAT,
          isLocal: true,
        });
      }
    }
  }
  const kernel = new KernelDirector(await compilePrograms(), ENTRIES);
  after(() => kernel.close());
  kernel.configureAs(director);
  const name = `toa-kernel-${process.pid}`;
  createNetworkNamespace(name);
  after(() => deleteNetworkNamespace(name));
  const random = randomNumbers(11);
  let compared = 0;

  /** Sends a frame through both; what comes out, of the simulator. */
  const pass = (frame: Uint8Array): Uint8Array | undefined => {
    if (frame.length < (frame[12] === 0x86 ? 54 : 34)) return undefined;
    // The address of the loopback interface, at which the kernel runs it.
    const bytes = Uint8Array.from(frame).fill(0, 0, 6);
    for (const map of [director.machine.map(scratch), kernel.map(scratch)]) {
      map.update(FIRST, new Uint8Array(map.valueSize));
    }
    const simulated = director.receive(bytes, { ifindex: 1 });
    const real = kernel.program.run({ data: bytes, context: { ifindex: 1 } });
    const what = Buffer.from(bytes).toString("hex");
    assert.equal(real.verdict, simulated.verdict, what);
    if (real.verdict === TC_SHOT) return undefined;
    const out = simulated.packet.bytes;
    assert.equal(comparable(real.data), comparable(out), what);
    compared += 1;
    return Uint8Array.from(out.subarray(14));
  };
  const spoilt = (frame: Uint8Array) => (random(3) === 0 ? mutated(frame, random) : frame);

  inNetworkNamespace(name, () => {
    for (let i = 0; i < CONNECTIONS; i++) {
      const { virtual, client, server } = FAMILIES[i % 2]!;
      const to = virtual.replace(/80$/, String(80 + (i % 3)));
      const from = client.replace(/1000$/, String(1000 + i));
      const sequence = random(2 ** 32);
      const options = optionBytes(...SYN_OPTIONS);
      const syn = pass(tcpFrame("client", from, to, "S", { sequence, options }));
      assert.ok(syn !== undefined);
      const parsed = parseIpPacket(syn);
      assert.ok(parsed.transport.kind === "tcp");
      const peer = formatEndpoint({ address: parsed.source, port: parsed.transport.sourcePort });
      pass(tcpFrame("server", server, peer, "SA", { sequence: 900, acknowledgement: sequence + 1, options }));
      for (let step = 0; step < 12; step++) {
        const payload = Uint8Array.from({ length: random(4) * random(480) }, (_, at) => at & 0xff);
        const numbers = {
          sequence: (sequence + 1 + (random(2) === 0 ? 0 : random(100))) >>> 0,
          acknowledgement: 901,
          options: OPTIONS[random(OPTIONS.length)]!,
        };
        pass(
          spoilt(
            tcpFrame("client", from, to, ["A", "PA", "FA", "PAU", "R"][random(5)]!, { ...numbers, payload }),
          ),
        );
        const acknowledgement = (sequence + 1 + random(120)) >>> 0;
        if (step > 3) pass(spoilt(tcpFrame("server", server, peer, "A", { sequence: 901, acknowledgement })));
        pass(spoilt(udpFrame("client", from, to, { payload })));
      }
    }
  });
  assert.ok(compared > CONNECTIONS * 12, `${compared} packets`);
});
