/** A scenario made up by a random number generator: commands of all kinds between connections that live and end. */
import { formatEndpoint } from "../../src/net/index.ts";
import { client4, client6, rip4, rip6, VIP, VIP6, VIPS4, VIPS6 } from "./addresses.ts";
import type { Conversation, Play } from "./play.ts";
import type { Scenario } from "./scenario.ts";

const SCHEDULERS = ["rr", "wrr", "lc", "wlc", "sed", "nq", "fo", "ovf", "sh", "mh", "lblc", "lblcr", "dh"];
const PORTS = [80, 81, 82];
const MOST_OPEN = 40;
/** Tables are compared so often, in steps. */
const COMPARE_EVERY = 60;

/** What `everyKind` may set, and to what. */
const SYSCTLS: readonly (readonly [name: string, values: readonly number[]])[] = [
  ["conn_reuse_mode", [0, 1, 2]],
  ["expire_nodest_conn", [0, 1]],
  ["expire_quiescent_template", [0, 1]],
  ["sloppy_tcp", [0, 1]],
];
/** With `everyKind`, packets to this port of the first virtual addresses have a mark, and those to the last of PORTS another. */
const MARKED_PORT = 83;
const MARK = 7;
const SHARED_MARK = 8;
const STRAY_FLAGS = ["A", "PA", "FA", "R", "RA", "SA", "S"];

/** What random scenarios are made of. */
export interface RandomSettings {
  readonly seed: number;
  /** Commands and events of connections, together. */
  readonly steps: number;
  /** Default: all that do not choose at random. */
  readonly schedulers?: readonly string[];
  /** Default: masquerading, direct routing and IPIP tunnels. */
  readonly methods?: readonly string[];
  /** Default: both. */
  readonly families?: readonly (4 | 6)[];
  /** Whether counters may be zeroed: those of ip_vs lag behind, so that what is left is chance. Default: no. */
  readonly zero?: boolean;
  /** Whether services may be persistent or of single packets. Default: yes. */
  readonly options?: boolean;
  /** Whether there are services by mark and of every port, mapped ports, sysctls, clients' ports used again, and stray segments, too. Default: no. */
  readonly everyKind?: boolean;
}

interface Open {
  readonly conversation: Conversation;
  readonly tcp: boolean;
}

/** Numbers from 0 below `limit`, the same for the same seed. */
function randomNumbers(seed: number): (limit: number) => number {
  let state = Math.imul(seed, 0x9e3779b1) >>> 0 || 1;
  return (limit) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % limit;
  };
}

/** Makes a scenario. */
export function randomScenario(settings: RandomSettings): Scenario {
  return {
    name: [
      settings.everyKind === true ? "random, of every kind" : "random",
      `seed ${settings.seed}`,
      ...(settings.families?.length === 1 ? [`IPv${settings.families[0]}`] : []),
    ].join(", "),
    run: (play) => new RandomRun(play, settings).run(),
  };
}

class RandomRun {
  readonly #play: Play;
  readonly #random: (limit: number) => number;
  readonly #settings: RandomSettings;
  readonly #open: Open[] = [];
  /** Conversations that have ended. */
  readonly #ended: Conversation[] = [];
  #nextPort = 1024;

  constructor(play: Play, settings: RandomSettings) {
    this.#play = play;
    this.#settings = settings;
    this.#random = randomNumbers(settings.seed);
  }

  async run(): Promise<void> {
    this.#marks();
    this.#everything();
    for (let step = 1; step <= this.#settings.steps; step++) {
      if (this.#isOfEveryKind && this.#random(20) === 0) this.#sysctl();
      else if (this.#random(4) === 0) this.#play.ipvsadm(this.#command());
      else await this.#event();
      if (step % COMPARE_EVERY === 0) this.#play.compareTables();
    }
    await this.#play.compareAll();
  }

  /** One service of every kind, never used: so that whatever comes later needs no other program. */
  #everything(): void {
    const { schedulers = SCHEDULERS, methods = ["-m", "-g", "-i"] } = this.#settings;
    const lines = schedulers.flatMap((scheduler, index) =>
      this.#services(9000 + index).flatMap((service) => [
        `-A ${service} -s ${scheduler}`,
        ...methods.map((method, server) => {
          const rip = address(service.includes("["), server + 1, 9000 + index);
          return `-a ${service} -r ${rip} ${method} -x 9`;
        }),
      ]),
    );
    const services = this.#settings.options === false ? [] : this.#services(8999);
    if (this.#isOfEveryKind) {
      lines.push(...this.#services(8998).map((service) => `-A ${service.replace("8998", "0")} -s rr -p 60`));
      lines.push(
        ...(this.#settings.families ?? [4, 6]).map((family) => `-A -f 99${family === 6 ? " -6" : ""} -s rr`),
      );
    }
    lines.push(...services.map((service) => `-A ${service} -s rr ${service.startsWith("-u") ? "-o" : "-p"}`));
    this.#play.restore(lines);
  }

  get #isOfEveryKind(): boolean {
    return this.#settings.everyKind === true;
  }

  #marks(): void {
    if (!this.#isOfEveryKind) return;
    for (const family of this.#settings.families ?? [4, 6]) {
      const destination = family === 4 ? VIP : VIP6;
      for (const protocol of ["tcp", "udp"] as const) {
        this.#play.mark({ family, protocol, destination, port: MARKED_PORT, mark: MARK });
        this.#play.mark({ family, protocol, destination, port: PORTS.at(-1)!, mark: SHARED_MARK });
      }
    }
  }

  #sysctl(): void {
    const [name, values] = this.#pick(SYSCTLS);
    this.#play.sysctl(name, this.#pick(values));
  }

  #pick<T>(list: readonly T[]): T {
    return list[this.#random(list.length)]!;
  }

  #services(port: number): string[] {
    return (this.#settings.families ?? [4, 6]).flatMap((family) => {
      const virtual = family === 4 ? VIP : `[${VIP6}]`;
      return [`-t ${virtual}:${port}`, `-u ${virtual}:${port}`];
    });
  }

  /** Services of every port, and by mark. */
  #wideServices(): string[] {
    return (this.#settings.families ?? [4, 6]).flatMap((family) => {
      const virtuals = family === 4 ? [VIP, VIPS4[1]] : [`[${VIP6}]`, `[${VIPS6[1]}]`];
      const marks = [MARK, SHARED_MARK].map((mark) => `-f ${mark}${family === 6 ? " -6" : ""}`);
      return [...virtuals.flatMap((virtual) => [`-t ${virtual}:0`, `-u ${virtual}:0`]), ...marks];
    });
  }

  #service(): string {
    if (this.#isOfEveryKind && this.#random(3) === 0) return this.#pick(this.#wideServices());
    return this.#pick(this.#services(this.#pick(PORTS)));
  }

  #serviceOptions(service: string): string {
    const words = [`-s ${this.#pick(this.#settings.schedulers ?? SCHEDULERS)}`];
    if (this.#settings.options !== false) {
      const isWide = service.startsWith("-f") || service.endsWith(":0");
      if (this.#random(isWide ? 2 : 5) === 0) words.push(`-p ${30 + this.#random(100)}`);
      else if (service.startsWith("-u") && this.#random(4) === 0) words.push("-o");
    }
    return words.join(" ");
  }

  #server(service: string): string {
    const isIpv6 = service.includes("[") || service.endsWith(" -6");
    const own = Number(/:(\d+)$/.exec(service)?.[1] ?? 0);
    const port = this.#isOfEveryKind && this.#random(4) === 0 ? this.#pick([0, 8080]) : own;
    return `-r ${address(isIpv6, 1 + this.#random(5), port)}`;
  }

  #serverOptions(): string {
    const words = [this.#pick(this.#settings.methods ?? ["-m", "-m", "-g", "-i"]), `-w ${this.#random(6)}`];
    if (this.#random(4) === 0) words.push(`-x ${2 + this.#random(6)} -y ${this.#random(3)}`);
    return words.join(" ");
  }

  /** A command, that need not succeed. */
  #command(): string {
    const service = this.#service();
    switch (this.#random(16)) {
      case 0:
      case 1:
      case 2:
        return `-A ${service} ${this.#serviceOptions(service)}`;
      case 3:
        return `-E ${service} ${this.#serviceOptions(service)}`;
      case 4:
        if (this.#random(3) === 0) return `-D ${service}`;
        return `-E ${service} ${this.#serviceOptions(service)}`;
      case 5:
        if (this.#settings.zero === true) return this.#random(3) === 0 ? "-Z" : `-Z ${service}`;
        return `-d ${service} ${this.#server(service)}`;
      case 6:
      case 7:
        return `-d ${service} ${this.#server(service)}`;
      case 8:
      case 9:
      case 10:
        return `-e ${service} ${this.#server(service)} ${this.#serverOptions()}`;
      default:
        return `-a ${service} ${this.#server(service)} ${this.#serverOptions()}`;
    }
  }

  async #event(): Promise<void> {
    if (this.#isOfEveryKind && this.#random(12) === 0) return this.#stray();
    const choice = this.#random(8);
    if (this.#open.length === 0 || (choice < 4 && this.#open.length < MOST_OPEN)) return this.#begin();
    const index = this.#random(this.#open.length);
    const { conversation, tcp } = this.#open[index]!;
    if (!tcp) {
      this.#open.splice(index, 1);
      this.#ended.push(conversation);
      await conversation.ask("again");
      return conversation.answer();
    }
    if (choice < 6) {
      await conversation.exchange();
      return;
    }
    this.#open.splice(index, 1);
    this.#ended.push(conversation);
    const ends = [() => conversation.close(), () => conversation.serverCloses(), () => conversation.reset()];
    return this.#pick(ends)();
  }

  /** Whose a new conversation is: of a new port of a client's, or, of every kind, of one that was used before. */
  #ends(): { readonly tcp: boolean; readonly from: string; readonly to: string } {
    const [kind, virtual, version] = this.#service().split(" ") as [string, string, string?];
    let tcp = kind === "-t";
    let to = virtual;
    if (kind === "-f") {
      tcp = this.#random(2) === 0;
      const port = virtual === String(MARK) ? MARKED_PORT : PORTS.at(-1)!;
      to = version === undefined ? `${VIP}:${port}` : `[${VIP6}]:${port}`;
    }
    if (to.endsWith(":0")) to = to.replace(/0$/, String(5000 + this.#random(3)));
    const former = this.#ended.at(-1);
    if (this.#isOfEveryKind && former !== undefined && this.#random(4) === 0) {
      this.#ended.pop();
      return {
        tcp,
        from: formatEndpoint(former.client),
        to: this.#random(3) === 0 ? to : formatEndpoint(former.service),
      };
    }
    const client = this.#random(12);
    this.#nextPort += 1;
    const host = to.startsWith("[") ? `[${client6(client)}]` : client4(client);
    return { tcp, from: `${host}:${this.#nextPort}`, to };
  }

  /** A segment of a client that has no connection, or one that is over. */
  async #stray(): Promise<void> {
    const { from, to } = this.#ends();
    await this.#play.open(from, to).fromClient(this.#pick(STRAY_FLAGS));
  }

  async #begin(): Promise<void> {
    const { tcp: isTcp, from, to } = this.#ends();
    const conversation = this.#play.open(from, to);
    if (!isTcp) {
      await conversation.ask();
      await conversation.answer();
      this.#open.push({ conversation, tcp: false });
      return;
    }
    await conversation.fromClient("S");
    if (!conversation.isServed) return;
    if (this.#random(6) > 0) {
      await conversation.fromServer("SA");
      await conversation.fromClient("A");
    }
    this.#open.push({ conversation, tcp: true });
  }
}

function address(ipv6: boolean, server: number, port: number): string {
  return ipv6 ? `[${rip6(server)}]:${port}` : `${rip4(server)}:${port}`;
}
