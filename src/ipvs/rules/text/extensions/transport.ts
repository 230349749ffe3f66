import type { FlagsMatch, Match, PortMatch } from "../../model.ts";
import { ExtensionOptions } from "../extension-options.ts";
import { portRange, SYN, tcpFlags } from "../parse-values.ts";
import { foreign, usage } from "../rules-error.ts";
import { type ExtensionOption, type ExtensionReader, type RuleContext, withArgument } from "./extension.ts";

const PORTS = ["source-port", "sport", "destination-port", "dport"];
const NUMBERS = { tcp: 6, udp: 17, sctp: 132 };

/** Reads `-m tcp`, `-m udp` and `-m sctp`. */
export class TransportReader implements ExtensionReader<Match> {
  readonly options;
  readonly #kind: "tcp" | "udp" | "sctp";
  readonly #given: ExtensionOptions;
  #source: PortMatch | null = null;
  #destination: PortMatch | null = null;
  #flags: FlagsMatch | null = null;

  constructor(kind: "tcp" | "udp" | "sctp") {
    this.#kind = kind;
    this.#given = new ExtensionOptions(kind);
    const more = { tcp: ["tcp-flags", "tcp-option"], udp: [], sctp: ["chunk-types"] }[kind];
    const syn = kind === "tcp" ? [{ long: "syn", argument: "none" as const }] : [];
    this.options = [...withArgument(...PORTS, ...more), ...syn];
  }

  take(option: ExtensionOption, context: RuleContext): void {
    const { name, value, negated } = option;
    switch (name) {
      case "source-port":
      case "sport":
        this.#source = this.#port("source-port", this.#source, option, context);
        break;
      case "destination-port":
      case "dport":
        this.#destination = this.#port("destination-port", this.#destination, option, context);
        break;
      case "syn":
        this.#onlyOnce();
        this.#flags = { negated, ...SYN };
        break;
      case "tcp-flags": {
        this.#onlyOnce();
        const set = context.takeArgument();
        if (set === null) throw usage("--tcp-flags requires two args.");
        this.#flags = { negated, mask: tcpFlags(value), set: tcpFlags(set) };
        break;
      }
      default:
        throw foreign(`the option \`--${name}'`);
    }
  }

  finish({ protocol }: RuleContext): Match {
    const kind = this.#kind;
    const asks = this.#source !== null || this.#destination !== null || this.#flags !== null;
    if (kind === "sctp") return { kind, source: this.#source, destination: this.#destination };
    if (asks && protocol?.number !== NUMBERS[kind]) {
      throw usage(`${kind.toUpperCase()} match requires '-p ${kind}'`);
    }
    const ports = { source: orAny(this.#source), destination: orAny(this.#destination) };
    if (kind === "udp") return { kind, ...ports };
    const flags = this.#flags;
    const asksNothing = flags !== null && !flags.negated && flags.mask === 0 && flags.set === 0;
    return { kind, ...ports, flags: asksNothing ? null : flags };
  }

  /** Of udp's options the messages are others. */
  #port(name: string, present: PortMatch | null, option: ExtensionOption, context: RuleContext): PortMatch {
    const { value, negated } = option;
    if (this.#kind === "udp") {
      this.#given.take(name, { canNegate: true });
      if (value.split(":").length > 2) {
        throw usage(`udp: Too many components for option "--${name}" (max: 2)\n`);
      }
    } else if (present !== null) {
      throw usage(`Only one \`--${name}' allowed`);
    }
    return { negated, ...portRange(value, this.#kind, context.names) };
  }

  #onlyOnce(): void {
    if (this.#flags !== null) throw usage("Only one of `--syn' or `--tcp-flags'  allowed");
  }
}

/** All ports: nothing is asked. */
function orAny(match: PortMatch | null): PortMatch | null {
  return match !== null && !match.negated && match.first === 0 && match.last === 0xffff ? null : match;
}
