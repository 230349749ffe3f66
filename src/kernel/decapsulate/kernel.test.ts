/** The real server's end of tunnels in the kernel and in the simulator: the same frames, good and mutilated. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { compile } from "../../bpf/compiler/index.ts";
import { createMachine, encode, SimulatedPacket } from "../../bpf/index.ts";
import { createMap, loadProgram } from "../../bpf/loader/index.ts";
import { parseIp } from "../../net/index.ts";
import { decapsulate } from "./decapsulate.ts";
import { Decapsulated, decapsulatedAddresses, TUNNEL_GRE, TUNNEL_GUE, TUNNEL_IP_IN_IP } from "./tables.ts";
import { clientPacket, GUE_PORT, KINDS, tunnelFrame, type Version } from "./testing/tunnels.ts";

const skip = process.getuid?.() === 0 ? false : "needs root (bpf)";
const VERSIONS: readonly Version[] = [4, 6];
/** Test runs are at the loopback interface, whose link-layer address is zero. */
const LOOPBACK_MAC = new Uint8Array(6);
/** A test run takes no frame that is shorter than its network header. */
const SHORTEST = 54;

function frames(): Uint8Array[] {
  return Object.keys(KINDS).flatMap((kind) =>
    VERSIONS.flatMap((outer) =>
      VERSIONS.flatMap((inner) =>
        (["tcp", "udp"] as const).flatMap((transport) =>
          [0, 513, 1200].map((size) => {
            const frame = tunnelFrame(kind, outer, clientPacket(inner, transport, size));
            frame.set(LOOPBACK_MAC, 0);
            return frame;
          }),
        ),
      ),
    ),
  );
}

/** The frame with a few bytes of its headers changed, or cut. */
function mutated(frame: Uint8Array, seed: number): Uint8Array {
  const bytes = frame.slice();
  let state = seed * 2654435761 + 1;
  const next = (limit: number): number => {
    state = (Math.imul(state ^ (state >>> 15), 2246822519) + 0x9e3779b9) >>> 0;
    return state % limit;
  };
  for (let i = next(3); i >= 0; i--) bytes[14 + next(90)] = next(256);
  return next(6) === 0 ? bytes.subarray(0, SHORTEST + next(bytes.length - SHORTEST)) : bytes;
}

test("kernel and simulator do the same", { skip }, async () => {
  const compiled = await compile({
    entry: { module: new URL("./decapsulate.js", import.meta.url).href, name: "decapsulate" },
    name: "decapsulate",
    type: "schedCls",
    license: "Dual MIT/GPL",
  });
  const maps = new Map(compiled.maps.map((map) => [map.name, createMap(map)]));
  const machine = createMachine();
  const addresses = [maps.get(decapsulatedAddresses.name)!, machine.map(decapsulatedAddresses)];
  const keys = ["192.0.2.1", "2001:db8:f::1"].map((text) => {
    const key = new Uint8Array(16);
    key.set(parseIp(text)!);
    return key;
  });
  const value = encode(Decapsulated, {
    tunnels: TUNNEL_IP_IN_IP | TUNNEL_GUE | TUNNEL_GRE,
    guePort: GUE_PORT,
  });
  for (const map of addresses) for (const key of keys) map.update(key, value);
  const program = loadProgram(compiled, maps);
  const verdicts = new Map<string, number>();
  try {
    const good = frames();
    const all = [...good, ...Array.from({ length: 6000 }, (_, i) => mutated(good[i % good.length]!, i))];
    for (const [i, frame] of all.entries()) {
      const real = program.run({ data: frame });
      const packet = new SimulatedPacket(frame);
      const verdict = machine.execute(decapsulate, packet);
      assert.equal(verdict, real.verdict, `frame ${i}`);
      assert.deepEqual(Buffer.from(packet.bytes), Buffer.from(real.data), `frame ${i}`);
      const what = verdict !== 0xffffffff ? "dropped" : real.data.length < frame.length ? "out" : "left";
      verdicts.set(what, (verdicts.get(what) ?? 0) + 1);
    }
    const [kernel, simulated] = addresses.map((map) => keys.map((key) => [...map.lookup(key)!]));
    assert.deepEqual(kernel, simulated);
    assert.ok((verdicts.get("out") ?? 0) >= good.length && verdicts.has("left") && verdicts.has("dropped"));
  } finally {
    for (const each of [program, ...maps.values()]) each.close();
  }
});
