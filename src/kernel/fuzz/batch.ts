/** A batch: a fresh director, valid connections, and among their packets many hostile ones. */
import { inNetworkNamespace } from "../../linux/index.ts";
import { DEFENCE_SECURE_TCP } from "../tables.ts";
import { CLIENT_SIDE, CLIENT_SIDE_MAC, SERVER_SIDE, SERVER_SIDE_MAC } from "../testing/director.ts";
import type { TestNetwork } from "../testing/network.ts";
import { checkDrained, checkTables, eventsOf } from "./consistency.ts";
import { FastRunner } from "./fast-run.ts";
import { Hostile } from "./hostile.ts";
import { Random, seedOf } from "./random.ts";
import { buildScene, type FuzzService, LIMIT } from "./scene.ts";
import { hasRightSums, OPENING, ValidFlow } from "./valid.ts";
import { type Compiled, World } from "./world.ts";
import { LINK, PacketWriter } from "./writer.ts";

const NEXT = 0xffffffff;
const SHOT = 2;
const REDIRECT = 7;
const EINVAL = 22;
/** A run that takes longer is one that may not end; preemption is shorter. */
const LONGEST = 500_000_000;
const MOST_FAILURES = 20;

/** Sysctls that are 0 or 1 in a batch. None of them may change the fate of valid packets. */
export const SWITCHES = [
  "schedule_icmp",
  "expire_nodest_conn",
  "expire_quiescent_template",
  "conn_reuse_mode",
  "cache_bypass",
  "sloppy_tcp",
  "sloppy_sctp",
  "nat_icmp_send",
  "pmtu_disc",
];

/** What was found wrong. */
export interface Failure {
  readonly batch: number;
  readonly packet: number;
  readonly what: string;
  /** The packet and what became of it, as hex. */
  readonly input?: string;
  readonly output?: string;
}

/** What a batch did. */
export interface BatchResult {
  readonly packets: number;
  readonly valid: number;
  readonly refused: number;
  readonly connections: number;
  readonly verdicts: { readonly next: number; readonly shot: number; readonly redirect: number };
  /** What the datapath counted about itself. */
  readonly events: Readonly<Record<string, number>>;
  readonly failures: readonly Failure[];
}

function mac(value: number): Uint8Array {
  return Uint8Array.from({ length: 6 }, (_, i) => Math.floor(value / 2 ** (40 - 8 * i)) & 255);
}

/** The director's link-layer addresses towards clients and servers. */
export const MACS = [mac(CLIENT_SIDE_MAC), mac(SERVER_SIDE_MAC)] as const;

function hex(bytes: Uint8Array, length: number): string {
  return Buffer.from(bytes.subarray(0, length)).toString("hex");
}

/** IPv6 extension headers, behind which there may be a fragment. */
const MAY_HOLD_FRAGMENTS = [0, 43, 44, 51, 60, 135];

/** Whether a frame has nothing to do with any service: neither from nor to an address that they know. (Fragments may wait for the first one.) */
function isForeign(bytes: Uint8Array, mark: number): boolean {
  if (mark !== 0) return false;
  const type = (bytes[12]! << 8) | bytes[13]!;
  if (type === 0x0800) {
    const isFragment = ((bytes[20]! & 0x3f) | bytes[21]!) !== 0;
    const to = bytes[30];
    return !isFragment && bytes[26] !== 10 && to !== 192 && to !== 10 && to !== 198 && to !== 169;
  }
  if (type !== 0x86dd) return true;
  // 2001:db8::/32 are ours.
  const isOurs = (at: number) => bytes[at] === 0x20 && bytes[at + 1] === 1 && bytes[at + 2] === 13;
  return !MAY_HOLD_FRAGMENTS.includes(bytes[20]!) && !isOurs(22) && !isOurs(38);
}

/** The director in the kernel, in a network of its own. */
export class Fuzzer {
  readonly #network: TestNetwork;
  readonly #world: World;
  readonly #services: readonly FuzzService[];
  readonly #writer = new PacketWriter();
  readonly #runner: FastRunner;
  readonly #hostile: Hostile;
  readonly #seed: number;
  readonly #interfaces: readonly [number, number];

  constructor(compiled: Compiled, seed: number, network: TestNetwork) {
    this.#seed = seed;
    const { director, services } = buildScene(true);
    this.#services = services;
    this.#world = new World(compiled, director);
    this.#network = network;
    this.#interfaces = [this.#network.indexOf(CLIENT_SIDE), this.#network.indexOf(SERVER_SIDE)];
    this.#runner = new FastRunner(this.#world.director.program, this.#writer.bytes);
    this.#hostile = new Hostile(this.#writer, services, MACS);
  }

  /** Runs a batch of `count` packets. Its tables are looked through after the last one, and after every `step` packets. */
  run(batch: number, count: number, step = Number.POSITIVE_INFINITY): BatchResult {
    return inNetworkNamespace(this.#network.name, () => this.#run(batch, count, step));
  }

  #prepare(random: Random): void {
    const world = this.#world;
    world.reset();
    world.connectionLimit = random.once(4) ? 512 : LIMIT;
    for (const name of SWITCHES) world.setSysctl(name, random.below(2));
    // Secure TCP has other states and timeouts, but the same verdicts.
    world.defence = random.once(4) ? DEFENCE_SECURE_TCP : 0;
  }

  #run(batch: number, count: number, step: number): BatchResult {
    const random = new Random(seedOf(this.#seed, batch));
    this.#prepare(random);
    const failures: Failure[] = [];
    const verdicts = { next: 0, shot: 0, redirect: 0 };
    const writer = this.#writer;
    const runner = this.#runner;
    const exact = this.#services.filter((each) => each.isExact);
    const loose = this.#services.filter((each) => !each.isExact);
    const flows = exact.flatMap((service, i) => [0, 1].map((n) => new ValidFlow(service, i * 2 + n, random)));
    let valid = 0;
    let refused = 0;
    let packet = 0;
    const fail = (what: string, withOutput = true) =>
      failures.push({
        batch,
        packet,
        what,
        input: hex(writer.bytes, writer.length),
        ...(withOutput ? { output: `${runner.verdict | 0} ${hex(runner.output, runner.length)}` } : {}),
      });
    for (; packet < count && failures.length < MOST_FAILURES; packet++) {
      // First all valid flows begin, then they go on among the others.
      const flow =
        packet < OPENING * flows.length
          ? flows[packet % flows.length]
          : random.once(8)
            ? random.of(flows)
            : undefined;
      if (flow !== undefined) {
        flow.write(writer, random, MACS);
        const errno = runner.run(writer.length, this.#interfaces[flow.fromServers ? 1 : 0], 0);
        valid++;
        if (errno !== 0) {
          fail(`error ${errno}`, false);
          continue;
        }
        verdicts.redirect++;
        const wrong = flow.judge(writer.bytes, writer.length, runner);
        if (wrong !== undefined) fail(`${flow.name}: ${wrong}`);
      } else {
        this.#hostile.write(random);
        const errno = runner.run(
          writer.length,
          this.#interfaces[this.#hostile.fromServers ? 1 : 0],
          this.#hostile.mark,
        );
        if (errno !== 0) {
          if (errno === EINVAL && writer.length < LINK + 40) refused++;
          else fail(`error ${errno}`, false);
          continue;
        }
        const wrong = this.#judge(verdicts);
        if (wrong !== undefined) fail(wrong);
      }
      if (runner.duration > LONGEST) fail(`took ${runner.duration} ns`);
      if (packet % step === step - 1) for (const what of checkTables(this.#world).wrong) fail(what);
      if (packet % 1024 === 1023) this.#world.setAvailable(random.of(random.of(loose).slots), random.once(2));
      if (packet % 256 === 255) this.#world.pass(random.once(8) ? random.below(400) : random.below(4));
    }
    const { wrong, connections } = checkTables(this.#world);
    const events = eventsOf(this.#world);
    for (const what of [...wrong, ...checkDrained(this.#world)]) failures.push({ batch, packet, what });
    return { packets: packet, valid, refused, connections, verdicts, events, failures };
  }

  /** What is wrong with the fate of a hostile packet. */
  #judge(verdicts: { next: number; shot: number; redirect: number }): string | undefined {
    const { verdict, length, output } = this.#runner;
    const { bytes, length: before } = this.#writer;
    if (verdict === NEXT) verdicts.next++;
    else if (verdict === SHOT) verdicts.shot++;
    else if (verdict === REDIRECT) verdicts.redirect++;
    else return `verdict ${verdict}`;
    if (length > before + 600) return `it grew to ${length} bytes`;
    if (isForeign(bytes, this.#hostile.mark)) {
      if (verdict !== NEXT) return "a foreign packet was not left alone";
      if (length !== before) return "a foreign packet was resized";
      for (let i = 0; i < length; i++) if (output[i] !== bytes[i]) return "a foreign packet was changed";
    }
    if (verdict === REDIRECT && output[LINK]! >>> 4 === 4 && output[12] === 8 && output[LINK]! === 0x45) {
      // A wrong checksum stays as wrong as it was.
      const isWhole = ((output[LINK + 6]! & 0x3f) | output[LINK + 7]!) === 0;
      const from = LINK + ((bytes[LINK + 2]! << 8) | bytes[LINK + 3]!);
      const end = LINK + ((output[LINK + 2]! << 8) | output[LINK + 3]!);
      const wasRight = from <= before && hasRightSums(bytes, LINK, from);
      if (isWhole && end <= length && wasRight && !hasRightSums(output, LINK, end))
        return "it had right checksums, and now wrong ones";
    }
    return undefined;
  }

  close(): void {
    this.#world.close();
  }
}
