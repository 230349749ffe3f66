/** One sequence of commands and packets, done to several directors at once; what differs is written down. */
import { setTimeout as sleep } from "node:timers/promises";
import {
  buildTcp,
  buildUdp,
  type Endpoint,
  endpoint,
  formatEndpoint,
  formatIp,
} from "../../src/net/index.ts";
import { serverMac } from "./addresses.ts";
import type { Director } from "./director.ts";
import type { MarkRule } from "./mark.ts";
import { endpointsOf, read, type Seen } from "./seen.ts";
import { compareConnections, compareListings } from "./tables.ts";
import type { Side, World } from "./world.ts";

/** A director in its network. */
export interface Stage {
  readonly world: World;
  readonly director: Director;
}

/** How long a director may take to send what it sends, ms; then how much longer if only one of them has sent. */
const USUAL_MS = 40;
const PATIENCE_MS = 600;
/** The kernel brings counters up to date every two seconds. */
const COUNTERS_MS = 2500;

/** A script being played. */
export class Play {
  readonly #stages: readonly Stage[];
  /** What differed, in order. */
  readonly differences: string[] = [];
  /** How many packets were sent, and how many came out of the first director. */
  packets = 0;
  answers = 0;
  connections = 0;

  constructor(stages: readonly Stage[]) {
    this.#stages = stages;
  }

  /** Runs a line of ipvsadm, without the program's name; says what differs in status or output. */
  ipvsadm(line: string): void {
    const words = line.split(" ").filter((word) => word !== "");
    const answers = this.#stages.map(({ director }) => director.ipvsadm(words));
    this.#same(
      `ipvsadm ${line}`,
      answers.map((answer) => JSON.stringify(answer)),
    );
  }

  /** Runs lines of ipvsadm's rules, as `ipvsadm --restore` does. */
  restore(lines: readonly string[]): void {
    const answers = this.#stages.map(({ director }) => director.ipvsadm(["-R"], `${lines.join("\n")}\n`));
    const values = answers.map((answer) => JSON.stringify(answer));
    this.#same(`ipvsadm -R of ${lines.length} lines`, values);
  }

  /** Sets a sysctl of IPVS (below net.ipv4.vs). */
  sysctl(name: string, value: number): void {
    for (const { director } of this.#stages) director.sysctl(name, value);
  }

  mark(rule: MarkRule): void {
    for (const { director } of this.#stages) director.mark(rule);
  }

  async wait(seconds: number): Promise<void> {
    await sleep(1000 * seconds);
  }

  /** Sends a packet to each director (made for each by `build`; none where it gives null) and compares what comes of it. */
  async send(
    what: string,
    side: Side,
    build: (index: number) => { ip: Uint8Array; from?: string } | null,
  ): Promise<readonly (readonly Seen[])[]> {
    let sent = false;
    for (const [index, { world }] of this.#stages.entries()) {
      const packet = build(index);
      if (packet !== null) world.send(side, packet.ip, packet.from);
      sent ||= packet !== null;
    }
    if (!sent) return this.#stages.map(() => []);
    this.packets++;
    // Evaluated for all: each is told once.
    const lost = this.#stages.map(({ world }) => world.lostSight());
    const seen = await this.#collect(lost);
    this.answers += seen[0]!.length;
    const canonical = seen
      .filter((_, index) => !lost[index])
      .map((frames) =>
        frames
          .map((frame) => frame.canonical)
          .sort()
          .join("\n"),
      );
    if (new Set(canonical).size > 1) this.#tell(what, seen);
    return seen;
  }

  #tell(what: string, seen: readonly (readonly Seen[])[]): void {
    this.differences.push(`${what}:`);
    // Bytes only where the words do not show it.
    const words = new Set(seen.map((frames) => frames.map(({ text }) => text).join("\n")));
    for (const [index, frames] of seen.entries()) {
      const name = this.#stages[index]!.director.name;
      if (frames.length === 0) this.differences.push(`  ${name}: nothing`);
      for (const { text, canonical } of frames) {
        this.differences.push(`  ${name}: ${text}`, ...(words.size === 1 ? [`      ${canonical}`] : []));
      }
    }
  }

  /** What the directors sent; waits while one has sent more than another. */
  async #collect(lost: readonly boolean[]): Promise<Seen[][]> {
    const seen: Seen[][] = this.#stages.map(() => []);
    const began = performance.now();
    for (;;) {
      for (const [index, { world }] of this.#stages.entries())
        seen[index]!.push(...world.receive().map(read));
      const elapsed = performance.now() - began;
      const counts = new Set(seen.filter((_, index) => !lost[index]).map((frames) => frames.length));
      const equal = counts.size <= 1;
      if (elapsed > PATIENCE_MS || (equal && (elapsed > USUAL_MS || (seen[0]!.length > 0 && elapsed > 4))))
        return seen;
      await sleep(1);
    }
  }

  /** A new connection's or flow's first packet. */
  open(from: string, to: string): Conversation {
    this.connections++;
    return new Conversation(this, endpoint(from), endpoint(to));
  }

  /** Compares the virtual server table and the connection table. */
  compareTables(): void {
    const list = (...words: string[]) => this.#stages.map(({ director }) => director.ipvsadm(words).stdout);
    this.#pairs("ipvsadm -Ln", list("-Ln"), compareListings);
    this.#pairs("ipvsadm -Lnc", list("-Lnc"), compareConnections);
  }

  /** Waits for the counters and compares them, and all tables. */
  async compareAll(): Promise<void> {
    this.compareTables();
    await sleep(COUNTERS_MS);
    const list = (...words: string[]) => this.#stages.map(({ director }) => director.ipvsadm(words).stdout);
    this.#pairs("ipvsadm -Ln --stats --exact", list("-Ln", "--stats", "--exact"), compareListings);
    this.#pairs("ipvsadm -Ln --thresholds", list("-Ln", "--thresholds"), compareListings);
    this.#pairs("ipvsadm -Ln --persistent-conn", list("-Ln", "--persistent-conn"), compareListings);
  }

  /** The first director's listing, for reports. */
  listing(): string {
    return this.#stages[0]!.director.ipvsadm(["-Ln"]).stdout;
  }

  #pairs(
    what: string,
    outputs: readonly string[],
    compare: (names: readonly [string, string], one: string, other: string) => string[],
  ): void {
    for (const [index, output] of outputs.entries()) {
      if (index === 0) continue;
      const names = [this.#stages[0]!.director.name, this.#stages[index]!.director.name] as const;
      const found = compare(names, outputs[0]!, output);
      if (found.length > 0) this.differences.push(`${what}:`, ...found.map((each) => `  ${each}`));
    }
  }

  #same(what: string, values: readonly string[]): void {
    if (new Set(values).size === 1) return;
    this.differences.push(`${what}:`);
    for (const [index, value] of values.entries()) {
      this.differences.push(`  ${this.#stages[index]!.director.name}: ${value}`);
    }
  }
}

/** A client's conversation with a virtual service, through each director to the server that it chose. */
export class Conversation {
  readonly #play: Play;
  readonly client: Endpoint;
  readonly service: Endpoint;
  /** For each director: who the server is and sees, from the last packet that came to it. */
  readonly #servers: { from: Endpoint; to: Endpoint; mac: string; direct: boolean }[] = [];
  #clientSequence = 1000;
  #serverSequence = 5000;

  constructor(play: Play, client: Endpoint, service: Endpoint) {
    this.#play = play;
    this.client = client;
    this.service = service;
  }

  get #name(): string {
    return `${formatEndpoint(this.client)} -> ${formatEndpoint(this.service)}`;
  }

  /** Whether a server got a packet of it, from any director. */
  get isServed(): boolean {
    return this.#servers.some((server) => server !== undefined);
  }

  /** A segment of the client. Flags as letters, SYN and FIN counted. */
  async fromClient(flags: string, payload = ""): Promise<void> {
    const bytes = Buffer.from(payload);
    const ip = buildTcp(this.client, this.service, flags, {
      sequence: this.#clientSequence,
      acknowledgement: flags.includes("A") ? this.#serverSequence : 0,
      payload: bytes,
      window: 64_000,
      ip: { identification: this.#clientSequence & 0xffff, dontFragment: true },
    });
    this.#note(await this.#play.send(`client ${this.#name} [${flags}]`, "outside", () => ({ ip })));
    this.#clientSequence += bytes.length + (/[SF]/.test(flags) ? 1 : 0);
  }

  /** A segment of the server, if it goes back through the director. */
  async fromServer(flags: string, payload = ""): Promise<void> {
    const bytes = Buffer.from(payload);
    const settings = {
      sequence: this.#serverSequence,
      acknowledgement: this.#clientSequence,
      payload: bytes,
      window: 64_000,
      ip: { identification: this.#serverSequence & 0xffff, dontFragment: true },
    };
    await this.#play.send(`server of ${this.#name} [${flags}]`, "inside", (index) => {
      const server = this.#servers[index];
      if (server === undefined || server.direct) return null;
      return { ip: buildTcp(server.to, server.from, flags, settings), from: server.mac };
    });
    this.#serverSequence += bytes.length + (/[SF]/.test(flags) ? 1 : 0);
  }

  /** The three-way handshake. */
  async handshake(): Promise<this> {
    await this.fromClient("S");
    await this.fromServer("SA");
    await this.fromClient("A");
    return this;
  }

  /** A request of `size` bytes and an answer. */
  async exchange(question = "GET / HTTP/1.0\r\n\r\n", answer = "HTTP/1.0 200 OK\r\n\r\n"): Promise<this> {
    await this.fromClient("PA", question);
    await this.fromServer("A");
    await this.fromServer("PA", answer);
    await this.fromClient("A");
    return this;
  }

  /** The client closes, then the server. */
  async close(): Promise<void> {
    await this.fromClient("FA");
    await this.fromServer("FA");
    await this.fromClient("A");
  }

  /** The server closes, then the client. */
  async serverCloses(): Promise<void> {
    await this.fromServer("FA");
    await this.fromClient("FA");
    await this.fromServer("A");
  }

  async reset(): Promise<void> {
    await this.fromClient("RA");
  }

  /** A datagram of the client. */
  async ask(payload = "question"): Promise<void> {
    const ip = buildUdp(this.client, this.service, { payload: Buffer.from(payload) });
    this.#note(await this.#play.send(`datagram ${this.#name}`, "outside", () => ({ ip })));
  }

  /** A datagram of the server, if it goes back through the director. */
  async answer(payload = "an answer"): Promise<void> {
    await this.#play.send(`answer to ${this.#name}`, "inside", (index) => {
      const server = this.#servers[index];
      if (server === undefined || server.direct) return null;
      return { ip: buildUdp(server.to, server.from, { payload: Buffer.from(payload) }), from: server.mac };
    });
  }

  #note(seen: readonly (readonly Seen[])[]): void {
    for (const [index, frames] of seen.entries()) {
      const frame = frames.find((each) => each.side === "inside" && each.server !== undefined);
      if (frame === undefined) continue;
      const { from, to } = endpointsOf(frame.inner);
      const direct = formatIp(to.address) === formatIp(this.service.address);
      this.#servers[index] = { from, to, mac: serverMac(frame.server!), direct };
    }
  }
}
