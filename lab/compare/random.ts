/** A scenario made up by a random number generator: commands of all kinds between connections that live and end. */
import { client4, client6, rip4, rip6, VIP, VIP6 } from "./addresses.ts";
import type { Conversation, Play } from "./play.ts";
import type { Scenario } from "./scenario.ts";

const SCHEDULERS = ["rr", "wrr", "lc", "wlc", "sed", "nq", "fo", "ovf", "sh", "mh", "lblc", "lblcr", "dh"];
const PORTS = [80, 81, 82];
const MOST_OPEN = 40;
/** Tables are compared so often, in steps. */
const COMPARE_EVERY = 60;

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
    name: `random, seed ${settings.seed}${settings.families?.length === 1 ? `, IPv${settings.families[0]}` : ""}`,
    run: (play) => new RandomRun(play, settings).run(),
  };
}

class RandomRun {
  readonly #play: Play;
  readonly #random: (limit: number) => number;
  readonly #settings: RandomSettings;
  readonly #open: Open[] = [];
  #nextPort = 1024;

  constructor(play: Play, settings: RandomSettings) {
    this.#play = play;
    this.#settings = settings;
    this.#random = randomNumbers(settings.seed);
  }

  async run(): Promise<void> {
    this.#everything();
    for (let step = 1; step <= this.#settings.steps; step++) {
      if (this.#random(4) === 0) this.#play.ipvsadm(this.#command());
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
    lines.push(...services.map((service) => `-A ${service} -s rr ${service.startsWith("-u") ? "-o" : "-p"}`));
    this.#play.restore(lines);
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

  #service(): string {
    return this.#pick(this.#services(this.#pick(PORTS)));
  }

  #serviceOptions(service: string): string {
    const words = [`-s ${this.#pick(this.#settings.schedulers ?? SCHEDULERS)}`];
    if (this.#settings.options !== false) {
      if (this.#random(5) === 0) words.push(`-p ${30 + this.#random(100)}`);
      else if (service.startsWith("-u") && this.#random(4) === 0) words.push("-o");
    }
    return words.join(" ");
  }

  #server(service: string): string {
    const port = /:(\d+)$/.exec(service)![1];
    return `-r ${address(service.includes("["), 1 + this.#random(5), Number(port))}`;
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
    const choice = this.#random(8);
    if (this.#open.length === 0 || (choice < 4 && this.#open.length < MOST_OPEN)) return this.#begin();
    const index = this.#random(this.#open.length);
    const { conversation, tcp } = this.#open[index]!;
    if (!tcp) {
      this.#open.splice(index, 1);
      await conversation.ask("again");
      return conversation.answer();
    }
    if (choice < 6) {
      await conversation.exchange();
      return;
    }
    this.#open.splice(index, 1);
    const ends = [() => conversation.close(), () => conversation.serverCloses(), () => conversation.reset()];
    return this.#pick(ends)();
  }

  async #begin(): Promise<void> {
    const [kind, service] = this.#service().split(" ") as [string, string];
    const client = this.#random(12);
    const from = service.startsWith("[") ? `[${client6(client)}]` : client4(client);
    this.#nextPort += 1;
    const conversation = this.#play.open(`${from}:${this.#nextPort}`, service);
    if (kind === "-u") {
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
