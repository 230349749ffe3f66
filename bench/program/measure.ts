/** Measures the compiled programs of one case by running them on a packet again and again (BPF_PROG_TEST_RUN). */
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compile } from "../../src/bpf/compiler/index.ts";
import type { MapDefinition } from "../../src/bpf/index.ts";
import { createMap, type LoadedMap, type LoadedProgram, loadProgram } from "../../src/bpf/loader/index.ts";
import type { CompiledProgram } from "../../src/bpf/program.ts";
import { compiledPrograms } from "../../src/ipvs/director/compiled-programs.ts";
import { datapathRequests } from "../../src/ipvs/director/program-requests.ts";
import type { Feature } from "../../src/ipvs/plane.ts";
import type { RuleSet } from "../../src/ipvs/rules/model.ts";
import { TableRules } from "../../src/ipvs/rules/table-rules.ts";
import { DROP, mark, planeOf, rule, ruleSet, toPort, within } from "../../src/ipvs/rules/testing/rules.ts";
import {
  Connection,
  connectionTable,
  Destination,
  destinationTable,
  due,
  FORWARD_FULLNAT,
  FORWARD_MASQ,
  FORWARD_TUNNEL,
  flows,
  NextHop,
} from "../../src/kernel/tables.ts";
import { TestDirector } from "../../src/kernel/testing/director.ts";
import { tcpFrame, udpFrame } from "../../src/kernel/testing/frames.ts";
import { KernelDirector } from "../../src/kernel/testing/kernel-director.ts";
import { wordsOf } from "../../src/kernel/testing/service-settings.ts";
import { quantile } from "../statistics.ts";
import type { Case } from "./cases.ts";
import { MEASURED, NOTHING, Plan, plans, targets } from "./rewind.ts";

const LIMIT = 65_536;
const SMALL = 128;
const ENTRIES = {
  services: 64,
  service_table: 64,
  pools: SMALL,
  members: 8192,
  destinations: SMALL,
  counters: SMALL,
  estimates: SMALL,
  connections: LIMIT,
  due: LIMIT,
  flows: LIMIT,
  wide: LIMIT,
  call_ids: LIMIT,
  ftp_controls: LIMIT,
  servers: 64,
  buckets: 65_536 * 8,
  local_addresses: 64 * 16,
};
const SERVERS = 5;
const TC_REDIRECT = 7;
/** The loopback interface: frames to link-layer address 0 are for this host. */
const LOOPBACK = 1;
const NEVER = 0xffffffff;

/** Nanoseconds a packet; NaN where there is no such packet. */
export interface ProgramFigures {
  readonly name: string;
  /** Packets of a known connection, from its client and from its server. */
  readonly known: number;
  readonly reply: number;
  /** The packet that opens a connection. */
  readonly fresh: number;
  /** A known one and one that opens a connection, run once at a time, as after a pause: with cold caches. */
  readonly knownOnce: number;
  readonly freshOnce: number;
}

/** A measurement that would not be one: the packet was not forwarded, or no connection was made. */
export class UnmeasurableError extends Error {
  readonly code = "UNMEASURABLE";
}

const VIRTUAL = { 4: "192.0.2.1:80", 6: "[2001:db8:b::1]:80" } as const;
const CLIENT = { 4: "198.18.0.0:1024", 6: "[2001:db8:c::1000]:1024" } as const;

function serverOf(family: 4 | 6, number: number): string {
  return family === 4 ? `10.0.0.${number}:80` : `[2001:db8:a::${number}]:80`;
}

/** An address and port, apart. */
function split(endpoint: string): { readonly words: readonly number[]; readonly port: number } {
  const at = endpoint.lastIndexOf(":");
  return {
    words: wordsOf(endpoint.slice(0, at).replace(/[[\]]/g, "")),
    port: Number(endpoint.slice(at + 1)),
  };
}

interface Flow {
  readonly source: { readonly words: readonly number[]; readonly port: number };
  readonly destination: { readonly words: readonly number[]; readonly port: number };
}

/** Where a frame comes from and goes to. */
function flowOf(frame: Uint8Array, family: 4 | 6): Flow {
  const view = new DataView(frame.buffer, frame.byteOffset);
  const size = family === 4 ? 4 : 16;
  const source = family === 4 ? 26 : 22;
  const ports = source + 2 * size;
  const end = (at: number, port: number) => ({
    words: Array.from({ length: 4 }, (_, i) => (4 * i < size ? view.getUint32(at + 4 * i) : 0)),
    port: view.getUint16(port),
  });
  return { source: end(source, ports), destination: end(source + size, ports + 2) };
}

/** Rules about other services. */
function rulesOf({ rules, features }: Case): RuleSet {
  const about = (index: number) => within(`203.0.${index >> 8}.${index & 255}/32`);
  return ruleSet(
    Array.from({ length: rules }, (_, i) =>
      rule({
        ...{ ...toPort(80), destination: about(i) },
        target: features.includes("ruleDrops") && i === rules - 1 ? DROP : mark(i + 1),
      }),
    ),
  );
}

/** Compiles what goes before the measured program. */
function compileRewind(family: number) {
  return compile({
    entry: { module: new URL("./rewind.js", import.meta.url).href, name: "rewind" },
    options: { family },
    name: "bench_rewind",
    type: "schedCls",
    license: "Dual MIT/GPL",
  });
}

/** The loaded programs of one case. */
class Bench {
  readonly #case: Case;
  readonly #director: KernelDirector;
  readonly #rewind: LoadedProgram;
  readonly #maps: ReadonlyMap<string, LoadedMap>;
  readonly #slots: readonly number[];

  constructor(each: Case, compiled: ReadonlyMap<number, CompiledProgram>, rewind: CompiledProgram) {
    this.#case = each;
    const simulated = new TestDirector({ connectionLimit: LIMIT, entries: ENTRIES, forwarding: false });
    const { configuration } = simulated;
    const virtual = VIRTUAL[each.family];
    configuration.addService(each.protocol, virtual, each.scheduler, each.service);
    this.#slots = Array.from({ length: SERVERS }, (_, i) =>
      configuration.addServer(each.protocol, virtual, serverOf(each.family, i + 1), each.server),
    );
    this.#director = new KernelDirector(compiled, ENTRIES);
    this.#director.configureAs(simulated);
    const { maps } = this.#director;
    const plane = planeOf(simulated.machine);
    const tables = { ...plane, map: (table: MapDefinition) => maps.get(table.name) ?? plane.map(table) };
    if (each.rules > 0) new TableRules(tables).change(each.family, () => rulesOf(each));
    for (const slot of this.#slots) this.#setHop(destinationTable.name, slot, Destination.field.hop.offset);
    this.#maps = new Map(rewind.maps.map((map) => [map.name, createMap(map)]));
    this.#rewind = loadProgram(rewind, this.#maps);
    this.#maps.get(targets.name)!.setProgram(MEASURED, this.#director.program);
  }

  close(): void {
    this.#rewind.close();
    for (const map of this.#maps.values()) map.close();
    this.#director.close();
  }

  /** Makes the way of a destination or connection known, for good: the clock stands still. */
  #setHop(map: string, slot: number, offset: number): void {
    const table = this.#director.maps.get(map)!;
    const key = keyOf(slot);
    const value = table.lookup(key)!;
    const view = new DataView(value.buffer, value.byteOffset + offset);
    view.setUint32(NextHop.field.interface.offset, LOOPBACK, true);
    view.setUint32(NextHop.field.checkAgain.offset, NEVER, true);
    view.setUint32(NextHop.field.mtu.offset, 1500, true);
    table.update(key, value);
  }

  /** Forgets all connections. */
  #forget(): void {
    for (const { name } of [due, flows]) {
      const table = this.#director.maps.get(name)!;
      const { keys, values } = table.readAll();
      table.updateMany(keys, new Uint8Array(values.length));
    }
  }

  #plan(flow: Flow, target: number, fresh: boolean): void {
    const bytes = new Uint8Array(Plan.size);
    const view = new DataView(bytes.buffer);
    const { field } = Plan;
    for (let i = 0; i < 4; i++) {
      view.setUint32(field.source.offset + 4 * i, flow.source.words[i]!);
      view.setUint32(field.destination.offset + 4 * i, flow.destination.words[i]!);
    }
    view.setUint16(field.sourcePort.offset, flow.source.port);
    view.setUint16(field.destinationPort.offset, flow.destination.port);
    view.setUint32(field.target.offset, target, true);
    view.setUint16(field.fresh.offset, fresh ? 1 : 0, true);
    view.setUint16(field.ownAddress.offset, this.#case.ownAddress ? 1 : 0, true);
    this.#maps.get(plans.name)!.update(keyOf(0), bytes);
  }

  /** A client's packet: the SYN or datagram that opens a connection, or one of a connection that is open. */
  #frame(opening: boolean): Uint8Array {
    const { family, protocol } = this.#case;
    const [from, to] = [CLIENT[family], VIRTUAL[family]];
    const frame =
      protocol === "udp" ? udpFrame("client", from, to) : tcpFrame("client", from, to, opening ? "S" : "A");
    return frame.fill(0, 0, 6);
  }

  /** The ns of a run, undisturbed ones among `batches` of `repeat`, less what the program before takes. */
  #time(flow: Flow, data: Uint8Array, batches: number, repeat: number, fresh: boolean): number {
    const measure = (target: number): number => {
      const times: number[] = [];
      this.#plan(flow, target, fresh);
      for (let i = 0; i < batches; i++) {
        const { duration, verdict } = this.#rewind.run({ data, repeat, context: { ifindex: LOOPBACK } });
        if (target === MEASURED && verdict !== TC_REDIRECT) {
          throw new UnmeasurableError(`${this.#case.name}: the verdict of run ${i + 1} was ${verdict}`);
        }
        times.push(duration);
      }
      return quantile(times, repeat === 1 ? 0.5 : UNDISTURBED);
    };
    const own = measure(NOTHING);
    return measure(MEASURED) - own;
  }

  /** As `#time` with warm caches. NaN in tunnels: the kernel lets a packet be encapsulated once. */
  #repeated(flow: Flow, data: Uint8Array, fresh: boolean): number {
    return this.#case.server.method === FORWARD_TUNNEL
      ? Number.NaN
      : this.#time(flow, data, BATCHES, REPEAT, fresh);
  }

  measure(): ProgramFigures {
    const { family, name } = this.#case;
    const flow = { source: split(CLIENT[family]), destination: split(VIRTUAL[family]) };
    const opening = this.#frame(true);
    this.#plan(flow, MEASURED, false);
    const opened = this.#rewind.run({ data: opening, context: { ifindex: LOOPBACK } });
    if (opened.verdict !== TC_REDIRECT)
      throw new UnmeasurableError(`${name}: the verdict was ${opened.verdict}`);
    const knownOnce = this.#time(flow, this.#frame(false), SINGLES, 1, false);
    const known = this.#repeated(flow, this.#frame(false), false);
    const answer = this.#answerTo(opened.data);
    const reply = answer === undefined ? Number.NaN : this.#repeated(flowOf(answer, family), answer, false);
    this.#forget();
    const fresh = this.#repeated(flow, opening, true);
    this.#checkConnections(Number.isNaN(fresh) ? 0 : BATCHES * REPEAT);
    this.#forget();
    const freshOnce = this.#time(flow, opening, SINGLES, 1, true);
    this.#checkConnections(SINGLES);
    return { name, known, reply, fresh, knownOnce, freshOnce };
  }

  /** The server's packet back, under methods that see replies. */
  #answerTo(frame: Uint8Array): Uint8Array | undefined {
    const { method } = this.#case.server;
    if (method !== FORWARD_MASQ && method !== FORWARD_FULLNAT) return undefined;
    const answer = Uint8Array.from(frame).fill(0, 0, 6);
    for (let slot = 0; slot < 2; slot++)
      this.#setHop(connectionTable.name, slot, Connection.field.hop.offset);
    const size = this.#case.family === 4 ? 4 : 16;
    const at = this.#case.family === 4 ? 26 : 22;
    answer.set(frame.subarray(at, at + size), at + size);
    answer.set(frame.subarray(at + size, at + 2 * size), at);
    const ports = at + 2 * size;
    answer.set(frame.subarray(ports, ports + 2), ports + 2);
    answer.set(frame.subarray(ports + 2, ports + 4), ports);
    if (this.#case.protocol === "tcp") answer[ports + 13] = TCP_ACK;
    return answer;
  }

  /** Makes sure that as many connections were made as flows were sent. */
  #checkConnections(flowsSent: number): void {
    const { values } = this.#director.maps.get(due.name)!.readAll();
    const view = new DataView(values.buffer, values.byteOffset);
    let taken = 0;
    for (let at = 0; at < values.length; at += 8) if (view.getUint32(at, true) !== 0) taken += 1;
    if (taken < flowsSent)
      throw new UnmeasurableError(`${this.#case.name}: ${taken} connections of ${flowsSent} flows`);
  }
}

const BATCHES = 60;
const REPEAT = 250;
const SINGLES = 2000;

/** The quantile of batches that nothing else on the machine has slowed down. */
const UNDISTURBED = 0.1;
const TCP_ACK = 0x10;

function keyOf(slot: number): Uint8Array {
  return Uint8Array.from([slot & 255, (slot >> 8) & 255, (slot >> 16) & 255, slot >>> 24]);
}

/** Measures one case. Compiles its programs as the director would for exactly these features, unless they are kept from last time. */
export async function measureCase(each: Case): Promise<ProgramFigures> {
  const needs = new Set<Feature>([each.protocol, ...each.features]);
  const requests = datapathRequests(needs);
  const programs = compiledPrograms(
    requests.map(({ request }) => request),
    join(tmpdir(), "lvs-bench-programs"),
  );
  const compiled = new Map(requests.map(({ slot }, i) => [slot, programs[i]!]));
  const bench = new Bench(each, compiled, await compileRewind(each.family));
  try {
    return bench.measure();
  } finally {
    bench.close();
  }
}
