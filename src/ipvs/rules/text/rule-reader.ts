import type { Family } from "../../model.ts";
import { type Match, NO_COUNTERS, type Rule, type RuleCounters, type Target } from "../model.ts";
import {
  type ExtensionReader,
  matchReader,
  type RuleContext,
  refuseForeignOption,
  targetReader,
} from "./extensions/index.ts";
import type { RuleNames } from "./names.ts";
import type { OptionSpec } from "./option-reader.ts";
import { parseAddresses } from "./parse-addresses.ts";
import { interfaceMatch, wholeNumber } from "./parse-values.ts";
import { protocolNumber } from "./protocols.ts";
import { usage } from "./rules-error.ts";

const LONGEST_CHAIN = 28;
/** Extension headers of IPv6, which are no protocol of a packet. */
const EXTENSION_HEADERS = new Set([43, 44, 51, 60]);

/** An option of an extension that has been loaded. */
interface ExtensionSpec extends OptionSpec {
  readonly extension: ExtensionReader<unknown>;
}

/** Addresses as they were given. */
interface Given {
  readonly text: string;
  readonly negated: boolean;
}

/** Collects what a line says of a rule. */
export class RuleReader {
  readonly #family: Family;
  readonly #names: RuleNames;
  #source: Given | null = null;
  #destination: Given | null = null;
  #input: Rule["input"] = null;
  #protocol: Rule["protocol"] = null;
  #protocolText: string | null = null;
  #fragment: Rule["fragment"] = null;
  #target: ExtensionReader<Target> | null = null;
  #targetName: string | null = null;
  #isGoto = false;
  #matches: ExtensionReader<Match>[] = [];
  #options: ExtensionSpec[] = [];
  /** Whether the match that belongs to the protocol has been loaded. */
  #hasProtocolMatch = false;
  counters: RuleCounters = NO_COUNTERS;

  constructor(family: Family, names: RuleNames) {
    this.#family = family;
    this.#names = names;
  }

  /** Options of the extensions that have been named so far, the latest first. */
  get options(): readonly OptionSpec[] {
    return this.#options;
  }

  source(text: string, negated: boolean): void {
    this.#source = { text, negated };
  }

  destination(text: string, negated: boolean): void {
    this.#destination = { text, negated };
  }

  /** What to say although nothing is wrong, or null. */
  input(text: string, negated: boolean): string | null {
    this.#input = interfaceMatch(text, negated);
    if (!/[ /]/.test(text)) return null;
    return `Warning: weird character in interface \`${text}' ('/' and ' ' are not allowed by the kernel).`;
  }

  fragment(negated: boolean): void {
    if (this.#family === 6) throw usage("`-f' is not supported in IPv6, use -m frag instead");
    this.#fragment = { negated };
  }

  /** What to say although nothing is wrong, or null. */
  protocol(word: string, negated: boolean): string | null {
    const text = word.toLowerCase();
    const number = wholeNumber(text, 0, 255) ?? protocolNumber(text, this.#names);
    if (number === null) throw usage(`unknown protocol "${text}" specified`);
    if (number === 0 && negated) throw usage("rule would never match protocol");
    this.#protocol = number === 0 ? null : { negated, number };
    this.#protocolText = text;
    if (this.#family === 4 || negated || !EXTENSION_HEADERS.has(number)) return null;
    return `Warning: never matched protocol: ${text}. use extension match instead.`;
  }

  match(name: string): void {
    const reader = matchReader(name);
    this.#matches.push(reader);
    this.#load(reader);
    if (name === this.#protocolText) this.#hasProtocolMatch = true;
  }

  target(name: string): void {
    this.#targetName = targetName(name);
    this.#target = targetReader(name);
    if (this.#target !== null) this.#load(this.#target);
  }

  goto(name: string): void {
    this.#targetName = targetName(name);
    this.#isGoto = true;
  }

  /**
   * Loads the match that the protocol brings along, for an option that is not known; false if there is none or it is there already.
   *
   * @param word the option, to say what it belongs to if that is none of ours
   */
  loadProtocolMatch(word: string): boolean {
    const name = PROTOCOL_MATCHES[this.#protocol?.number ?? 0] ?? null;
    if (name === null || this.#hasProtocolMatch) {
      refuseForeignOption(word);
      return false;
    }
    this.#hasProtocolMatch = true;
    this.match(name);
    return true;
  }

  /** Takes an option of an extension. */
  take(spec: OptionSpec, value: string, negated: boolean, takeArgument: () => string | null): void {
    const { extension } = this.#options.find((known) => known === spec)!;
    extension.take({ name: spec.long, value, negated }, this.#context(takeArgument));
  }

  /** The matches and the target. All options are there. */
  finishExtensions(): Pick<Rule, "matches" | "target"> {
    const context = this.#context(() => null);
    const matches = merged(this.#matches.map((reader) => reader.finish(context)));
    const chain = this.#targetName;
    const jump = chain === null ? null : { kind: "jump" as const, chain, isGoto: this.#isGoto };
    return { matches, target: this.#target?.finish(context) ?? jump };
  }

  /** One rule for each pair of addresses. */
  finish(extensions: Pick<Rule, "matches" | "target">): readonly Rule[] {
    const sources = this.#addresses(this.#source);
    const destinations = this.#addresses(this.#destination);
    const { counters } = this;
    const common = {
      input: this.#input,
      protocol: this.#protocol,
      fragment: this.#fragment,
      ...extensions,
      counters,
    };
    return sources.flatMap((source) =>
      destinations.map((destination) => ({ source, destination, ...common })),
    );
  }

  #addresses(given: Given | null): readonly Rule["source"][] {
    if (given === null) return [null];
    return parseAddresses(given.text, given.negated, this.#family, this.#names);
  }

  #load(extension: ExtensionReader<unknown>): void {
    this.#options = [...extension.options.map((option) => ({ ...option, extension })), ...this.#options];
  }

  #context(takeArgument: () => string | null): RuleContext {
    return { names: this.#names, protocol: this.#protocol, takeArgument };
  }
}

const PROTOCOL_MATCHES: Readonly<Record<number, string>> = { 6: "tcp", 17: "udp", 132: "sctp" };

function targetName(name: string): string {
  if (name === "") throw usage("Invalid target name (too short)");
  if (Buffer.byteLength(name) > LONGEST_CHAIN) {
    throw usage(`Invalid target name \`${name}' (${LONGEST_CHAIN} chars max)`);
  }
  if (/\s/.test(name)) throw usage(`Invalid target name \`${name}'`);
  return name;
}

/** What is asked of ports and flags in several places is one match where that is possible: that is how it is listed. */
function merged(matches: readonly Match[]): readonly Match[] {
  const result: Match[] = [];
  for (const match of matches) {
    const at = result.findIndex(({ kind }) => kind === match.kind);
    const both = at < 0 ? null : merge(result[at]!, match);
    if (both === null) result.push(match);
    else result[at] = both;
  }
  return result;
}

function merge(a: Match, b: Match): Match | null {
  if (a.kind === "tcp" && b.kind === "tcp") {
    if ((a.source && b.source) || (a.destination && b.destination) || (a.flags && b.flags)) return null;
    return {
      kind: "tcp",
      source: a.source ?? b.source,
      destination: a.destination ?? b.destination,
      flags: a.flags ?? b.flags,
    };
  }
  if ((a.kind !== "udp" && a.kind !== "sctp") || b.kind !== a.kind) return null;
  if ((a.source && b.source) || (a.destination && b.destination)) return null;
  return { kind: a.kind, source: a.source ?? b.source, destination: a.destination ?? b.destination };
}
