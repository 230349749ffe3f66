/** FTP sessions through the kernel: packet by packet as in the simulator, and on real wires, where checksums are unfinished. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { decode, type MapHandle, TC_REDIRECT, TC_SHOT } from "../../bpf/index.ts";
import { inNetworkNamespace } from "../../linux/index.ts";
import type { TcpSegment, TcpSettings } from "../../net/index.ts";
import type { DatapathProgram } from "../programs.ts";
import { Connection, connectionTable, FtpControl, ftpControls, STATE_HELPED, scratch } from "../tables.ts";
import { CLIENT_SIDE, SERVER_SIDE, TestDirector } from "../testing/director.ts";
import { interfaceOf, type Side, tcpFrame } from "../testing/frames.ts";
import { compilePrograms, KernelDirector } from "../testing/kernel-director.ts";
import { mutated, randomNumbers } from "../testing/mutate.ts";
import { TestNetwork } from "../testing/network.ts";
import { networkRoutes } from "../testing/network-routes.ts";
import { smallTables } from "../testing/small-tables.ts";
import { SuperPacketWires } from "../testing/super-packet-wires.ts";
import { FTP_FAMILIES, withPort } from "./testing/session.ts";

const skip = process.getuid?.() === 0 ? false : "loading programs into the kernel needs root";
const LIMIT = 256;
const ENTRIES = smallTables(LIMIT);
/** What FTP under masquerading needs. */
const OPTIONS = Object.fromEntries(
  [
    ...["udp", "sctp", "marks", "anyPort", "persistence", "onePacket", "directRouting", "tunnels"],
    ...["fullnat", "clientAddress", "localServers", "weightedRoundRobin", "leastConnection"],
    ...["weightedLeastConnection", "localityLeastConnection", "localityWithReplication"],
    ...["destinationHashing", "sourceHashing", "maglevHashing", "shortestExpectedDelay", "neverQueue"],
    ...["weightedFailover", "weightedOverflow", "twoChoices", "thresholds", "rules", "ruleDrops", "sip"],
  ].map((name) => [name, false]),
);
/** All but the programs for rules, and for what the host itself sends. */
const isWanted = ({ options }: DatapathProgram) => !options.outgoing && !options.ruling;
const SESSIONS = 40;
const STEPS = 30;
const SEGMENT = 400;
const FIRST = new Uint8Array(4);

let network: TestNetwork;
let kernel: KernelDirector;
let wires: SuperPacketWires;

function configured(): TestDirector {
  const mtus = new Map([
    [CLIENT_SIDE, 1500],
    [SERVER_SIDE, 1500],
  ]);
  const options = { connectionLimit: LIMIT, entries: ENTRIES, options: OPTIONS, routes: networkRoutes(mtus) };
  const director = new TestDirector(options);
  for (const { virtual, server } of FTP_FAMILIES) {
    director.configuration.addService("tcp", virtual, "rr");
    director.configuration.addServer("tcp", virtual, server);
  }
  return director;
}

before(async () => {
  if (skip) return;
  network = new TestNetwork(`ftp-kernel-${process.pid}`);
  kernel = new KernelDirector(await compilePrograms(OPTIONS, isWanted), ENTRIES);
  kernel.attach(
    network.name,
    [CLIENT_SIDE, SERVER_SIDE].map((side) => network.indexOf(side)),
  );
  wires = new SuperPacketWires(network, SEGMENT);
});

after(() => {
  if (skip) return;
  wires?.close();
  network?.close();
  kernel?.close();
});

/** The connections and what is known of control connections, without what depends on slots and on the way. */
function tables(map: (definition: typeof connectionTable | typeof ftpControls) => MapHandle): string[] {
  const { values } = map(connectionTable).readAll();
  const known = map(ftpControls).readAll().values;
  const list: string[] = [];
  for (let slot = 0; slot < LIMIT; slot++) {
    const at = <S extends typeof Connection | typeof FtpControl>(schema: S, all: Uint8Array) =>
      decode(schema, all.subarray(slot * schema.size, (slot + 1) * schema.size));
    const { hop, control, state, ...connection } = at(Connection, values) as Record<string, unknown>;
    if (state === 0) continue;
    const isControl = (Number(state) & STATE_HELPED) !== 0;
    const { expected, ...rest } = at(FtpControl, known) as Record<string, unknown>;
    const more = isControl ? { ...rest, isExpected: expected !== 0 } : {};
    list.push(
      JSON.stringify({ ...connection, ...more, state: Number(state) & 0xffff, isControlled: control !== 0 }),
    );
  }
  return list.sort();
}

/** Lines of clients and servers, good and bad. */
const LINES: Readonly<Record<Side, readonly string[]>> = {
  client: [
    "PASV\r\n",
    "EPSV\r\n",
    "NOOP\r\nepsv 1\r\n",
    "PORT 198,18,0,1,4,1\r\n",
    "EPRT |1|198.18.0.1|1026|\r\n",
    "EPRT |2|2001:db8:1::1|1027|\r\nLIST\r\n",
    "EPRT |2|2001:db8:1:0:0::1|1028|\r\n",
    "PORT 198,18,0,2,4,1\r\n",
    "PORT 198,18,0,1,4",
    `STOR ${"x".repeat(700)}\r\n`,
  ],
  server: [
    "227 Entering Passive Mode (10,0,0,1,200,10).\r\n",
    "227 Entering Passive Mode (10,0,0,1,200,11)\r\n150 more\r\n",
    "227 =10,0,0,1,9,9\r\n",
    "200-x\r\n227 10,0,0,1,29,39 y\r\n",
    "229 Entering Extended Passive Mode (|||40000|)\r\n",
    "229 Entering Extended Passive Mode (|||40001|)\r\n",
    "227 (10,0,0,2,200,10)\r\n",
    "226 done\r\n",
    `214 ${"y".repeat(900)}\r\n`,
  ],
};

test(`${SESSIONS} sessions: kernel and simulator agree`, { skip }, () => {
  const simulated = configured();
  kernel.clear();
  kernel.configureAs(simulated);
  const random = randomNumbers(7);
  let compared = 0;

  const pass = (side: Side, frame: Uint8Array): Uint8Array | undefined => {
    if (frame.length < (frame[12] === 0x86 ? 54 : 34)) return undefined;
    for (const map of [simulated.machine.map(scratch), kernel.map(scratch)]) {
      map.update(FIRST, new Uint8Array(map.valueSize));
    }
    const expected = simulated.receive(frame, { ifindex: interfaceOf(side) });
    const context = { ifindex: network.indexOf(interfaceOf(side)) };
    const real = kernel.program.run({ data: frame, context, room: 64 });
    const what = Buffer.from(frame).toString("hex");
    assert.equal(real.verdict, expected.verdict, what);
    if (real.verdict === TC_SHOT) return undefined;
    const text = (bytes: Uint8Array) =>
      Buffer.from(bytes.subarray(real.verdict === TC_REDIRECT ? 12 : 0)).toString("hex");
    // ICMP errors of the director's own have random identifications.
    const isOwn = expected.packet.bytes[23] === 1 && expected.packet.bytes[13] === 0;
    if (!isOwn) assert.equal(text(real.data), text(expected.packet.bytes), what);
    compared++;
    return expected.packet.bytes;
  };

  inNetworkNamespace(network.name, () => {
    for (let i = 0; i < SESSIONS; i++) {
      const family = FTP_FAMILIES[i % 2]!;
      const { virtual, server } = family;
      const client = withPort(family.client, 2000 + i);
      const next = { client: random(2 ** 32), server: random(2 ** 32) };
      const send = (side: Side, flags: string, payload = new Uint8Array(0), back = 0) => {
        const other = side === "client" ? "server" : "client";
        const [from, to] = side === "client" ? [client, virtual] : [server, client];
        const settings: TcpSettings = {
          sequence: (next[side] - back) >>> 0,
          acknowledgement: (next[other] + random(3)) >>> 0,
          payload,
        };
        const frame = tcpFrame(side, from, to, flags, settings);
        const spoilt = random(8) === 0 ? mutated(frame, random) : frame;
        // To the director itself all the same.
        spoilt.set(frame.subarray(0, Math.min(12, spoilt.length)));
        pass(side, spoilt);
      };
      send("client", "S");
      next.client++;
      send("server", "SA");
      next.server++;
      for (let step = 0; step < STEPS; step++) {
        const side = random(2) === 0 ? "client" : "server";
        const line = Uint8Array.from(Buffer.from(LINES[side][random(LINES[side].length)]!, "latin1"));
        const kind = random(10);
        if (kind === 0) send(side, "A");
        else if (kind === 1) send(side, "A", line.subarray(random(line.length)));
        else if (kind === 2) send(side, "PA", line, random(60));
        else send(side, "PA", line);
        if (kind > 2) next[side] = (next[side] + line.length) >>> 0;
        if (random(4) === 0) {
          const port = [51210, 51211, 40000, 40001, 20][random(5)]!;
          pass(
            "client",
            tcpFrame("client", withPort(client, 3000 + random(50)), withPort(virtual, port), "S"),
          );
          const to = withPort(client, 1025 + random(4));
          pass("server", tcpFrame("server", withPort(server, 2120), to, "S"));
        }
      }
      assert.deepEqual(
        tables((definition) => kernel.map(definition)),
        tables((definition) => simulated.machine.map(definition)),
        `after session ${i}`,
      );
    }
  });
  assert.ok(compared > SESSIONS * STEPS, `${compared} packets`);
});

for (const [family, said, read] of [
  [FTP_FAMILIES[0]!, "227 Passive (10,0,0,1,200,0)", "227 Passive (192,0,2,1,200,0)"],
  [FTP_FAMILIES[1]!, "229 Passive (|||51200|)", "229 Passive (|||51200|)"],
] as const) {
  test(`unfinished checksums and super-packets on real wires, ${family.name}`, { skip }, () => {
    const { client, virtual, server } = family;
    kernel.clear();
    kernel.configureAs(configured());
    let clientNext = 5001;
    let serverNext = 901;
    let readNext = 901;
    const send = (side: Side, flags: string, line = "") => {
      const [from, to] = side === "client" ? [client, virtual] : [server, client];
      const numbers =
        side === "client"
          ? { sequence: clientNext, acknowledgement: readNext }
          : { sequence: serverNext, acknowledgement: clientNext };
      const payload = Uint8Array.from(Buffer.from(line, "latin1"));
      const frame = tcpFrame(side, from, to, flags, { ...numbers, payload });
      return wires.pass(side, frame).map(({ segment }) => segment);
    };
    const text = (segments: readonly TcpSegment[]) =>
      segments.map(({ payload }) => Buffer.from(payload).toString("latin1")).join("");
    clientNext = 5000;
    send("client", "S");
    clientNext = 5001;
    serverNext = 900;
    send("server", "SA");
    serverNext = 901;
    for (const tail of ["\r\n", `.\r\n214 ${"z".repeat(1001)}\r\n`, "\r\n", `\r\n${"z".repeat(2000)}`]) {
      assert.equal(text(send("client", "PA", "PASV\r\n")), "PASV\r\n");
      clientNext += 6;
      const segments = send("server", "PA", said + tail);
      assert.equal(segments.length, Math.ceil((said.length + tail.length) / SEGMENT));
      assert.equal(segments[0]!.sequence, readNext);
      assert.equal(text(segments), read + tail);
      // The same, sent again.
      assert.equal(text(send("server", "PA", said + tail)), read + tail);
      serverNext += said.length + tail.length;
      readNext += read.length + tail.length;
      assert.equal(send("client", "A")[0]!.acknowledgement, serverNext);
    }
  });
}
