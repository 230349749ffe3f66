/** The steps of an explanation, from what the code said it went by. */
import { FROM_CLIENT, SERVICE_MARK } from "../../kernel/tables.ts";
import { ip } from "../../net/index.ts";
import { identityAt } from "../configuration/published.ts";
import type { ExplainedPacket, Step } from "./model.ts";
import { isOfNoHost } from "./packet-facts.ts";
import type { Reading } from "./reading.ts";
import { type RulesOptions, rulesStep } from "./rules-step.ts";
import { scheduleStep } from "./scheduling.ts";
import type { Fact } from "./simulation.ts";

/** What is said of packets for which a service, a connection or a way without one was found or looked for. */
const DECIDED = ["service", "connection", "by-itself", "stateless-reply", "expected"];

/** Facts are about slots: what is in them is read from the tables as they were, or as they are afterwards. */
export interface TaleOptions extends RulesOptions {
  readonly packet: ExplainedPacket;
  readonly before: Reading;
  readonly after: Reading;
  /** Runs kernel functions on the tables as they were. */
  readonly run: <T>(body: () => T) => T;
}

export function tell(facts: readonly Fact[], options: TaleOptions): Step[] {
  return new Tale(facts, options).steps;
}

class Tale {
  readonly steps: Step[] = [];
  readonly #options: TaleOptions;
  #service = 0;
  /** The slot of the connection that this packet made; its first packet then comes by again. */
  #made: number | null = null;
  #scheduleFrom: number | null = null;
  #rulesFrom: number | null = null;
  /** The connection that it has been told of: behind the rules, its packet comes by once more. */
  #known: number | null = null;

  constructor(facts: readonly Fact[], options: TaleOptions) {
    this.#options = options;
    for (const [index, fact] of facts.entries()) {
      if (fact.what === "scheduled" && this.#scheduleFrom !== null) {
        const choice = facts.slice(this.#scheduleFrom, index);
        const chosen = fact.values[0]!;
        this.steps.push(scheduleStep({ ...options, service: this.#service, facts: choice, chosen }));
      }
      if (fact.what === "schedule") this.#scheduleFrom = index;
      if (fact.what === "rules-begin") this.#rulesFrom = index;
      if (fact.what === "rules-end" && this.#rulesFrom !== null) {
        this.steps.push(rulesStep(facts.slice(this.#rulesFrom, index + 2), options));
      }
      this.#add(fact);
    }
    const has = (...names: readonly string[]) => facts.some(({ what }) => names.includes(what));
    if (has("unknown") && !has("rules-dropped", ...DECIDED)) this.steps.push(this.#idle());
  }

  #add({ what, values }: Fact): void {
    const { before, after } = this.#options;
    const [first = 0, second = 0] = values;
    const push = (step: Step): void => void this.steps.push(step);
    switch (what) {
      case "malformed":
        push({ step: "not-balanced", why: "its lengths contradict each other" });
        return;
      case "over": {
        const entry = before.connection(first);
        if (entry !== null) push({ step: "connection-over", from: side(second), entry });
        return;
      }
      case "connection": {
        const entry = before.connection(first);
        if (entry === null || first === this.#made || first === this.#known) return;
        this.#known = first;
        push({ step: "connection", from: side(second), entry, after: after.livingConnection(first) });
        return;
      }
      case "rules-dropped":
        if (this.#rulesFrom === null) push({ step: "rules-remembered", dropped: true });
        return;
      case "expected":
        push({ step: "expected", server: before.server(first) });
        return;
      case "service":
        if (first === 0) {
          push({ step: "no-service", services: before.servicesAt(this.#options.packet.destination.address) });
        } else {
          this.#service = first;
          push(this.#serviceStep(first));
        }
        return;
      case "defended":
        push({ step: "defended", oneIn: before.dropRate() });
        return;
      case "template":
      case "template-void": {
        const entry = before.connection(first);
        if (entry === null) return;
        push({ step: "template", valid: what === "template", entry, server: before.server(second) });
        return;
      }
      case "template-made":
      case "made": {
        const entry = after.connection(first);
        if (what === "made") this.#made = first;
        if (entry !== null) push({ step: what === "made" ? "connection-made" : "template-made", entry });
        return;
      }
      case "refused":
      case "bypassed":
        push({ step: "refused", bypass: what === "bypassed" });
        return;
      case "no-local-endpoint":
        push({ step: "no-local-endpoint", server: after.server(after.serverOf(first)) });
        return;
      case "by-itself":
        push({
          step: "by-itself",
          server: before.server(first),
          why: second === 0 ? "one-packet" : "no-room",
        });
        return;
      case "stateless-reply":
        push({ step: "stateless-reply", server: before.server(first) });
        return;
      case "orphaned": {
        const entry = before.connection(first);
        if (entry !== null)
          push({ step: "server-gone", server: before.server(before.serverOf(first)), entry });
      }
    }
  }

  #serviceStep(slot: number): Step {
    const { before } = this.#options;
    const { key, scheduler, persistence, onePacket } = before.service(slot);
    const { kind, port } = identityAt(before.memory, slot);
    return {
      step: "service",
      service: key,
      by: this.#isFoundBy(kind, port),
      scheduler,
      persistence: persistence?.timeout ?? null,
      onePacket,
    };
  }

  #isFoundBy(kind: number, port: number): "mark" | "port" | "any-port" | "ftp-data" {
    if ((kind & SERVICE_MARK) !== 0) return "mark";
    if (port === 0) return "any-port";
    return port === this.#options.packet.destination.port ? "port" : "ftp-data";
  }

  /** It belongs to nothing, and nothing was asked about services. */
  #idle(): Step {
    const { protocol, source, flags } = this.#options.packet;
    if (isOfNoHost(ip(source.address)))
      return {
        step: "opens-nothing",
        why: `${source.address} is no client's address, but loopback's or none`,
      };
    if (flags?.includes("RST"))
      return { step: "opens-nothing", why: "a segment with RST opens no connection" };
    if (protocol === "tcp")
      return { step: "opens-nothing", why: "only a segment with SYN opens a connection (sloppy_tcp is 0)" };
    if (protocol === "sctp")
      return { step: "opens-nothing", why: "only an INIT opens an association (sloppy_sctp is 0)" };
    const why = `${protocol.toUpperCase()} goes with a connection of the key exchange (UDP port 500), and there is none`;
    return { step: "opens-nothing", why };
  }
}

function side(direction: number): "client" | "server" {
  return direction === FROM_CLIENT ? "client" : "server";
}
