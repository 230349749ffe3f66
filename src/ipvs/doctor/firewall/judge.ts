/** What a firewall does to a packet that is known in part. */
import { ip, prefixContains } from "../../../net/index.ts";
import type { Firewall, FirewallChain, FirewallRule, Hook, Network } from "./model.ts";

/** A packet to an address: a client's first one, if nothing else is said. */
export interface FirewallQuestion {
  readonly family: 4 | 6;
  readonly protocol: string;
  /** Canonical text. */
  readonly destination: string;
  /** Null: not known. */
  readonly port: number | null;
  /** Where it comes in; null: not known. */
  readonly input: string | null;
  /** Where it comes from. Default: not known. */
  readonly source?: { readonly address: string; readonly port: number };
  /** Of connection tracking. Default: "new". */
  readonly state?: "new" | "established";
}

/** The rule, or the chain's policy, that drops the packet for certain. */
export interface Dropped {
  readonly chain: string;
  /** Null: the chain's policy. */
  readonly rule: FirewallRule | null;
}

type Answer = "yes" | "no" | "maybe";

/** What is known of the fate so far; `dropped` null: it was not dropped there. */
interface Fate {
  readonly kind: "accept" | "drop" | "through";
  readonly by: FirewallRule | null;
}

/** How deep chains may call each other: as the kernel has it. */
const DEPTH = 16;

/**
 * The rule that drops such a packet whatever else there is to know about it; null if there is none, or it cannot be told.
 */
export function findDrop(
  { chains }: Firewall,
  hooks: readonly Hook[],
  question: FirewallQuestion,
): Dropped | null {
  const byId = new Map(chains.map((chain) => [chain.id, chain]));
  for (const chain of chains) {
    if (chain.hook === null || !hooks.includes(chain.hook)) continue;
    if (chain.family !== null && chain.family !== question.family) continue;
    const dropped = new Judgement(byId, question).of(chain);
    if (dropped !== null) return dropped;
  }
  return null;
}

class Judgement {
  readonly #chains: ReadonlyMap<string, FirewallChain>;
  readonly #question: FirewallQuestion;
  /** Something that was passed by might have let the packet through. */
  #mayAccept = false;

  constructor(chains: ReadonlyMap<string, FirewallChain>, question: FirewallQuestion) {
    this.#chains = chains;
    this.#question = question;
  }

  of(chain: FirewallChain): Dropped | null {
    const fate = this.#follow(chain, 0);
    const dropped = fate.kind === "drop" || (fate.kind === "through" && chain.policy === "drop");
    if (!dropped || this.#mayAccept) return null;
    return { chain: chain.id, rule: fate.kind === "drop" ? fate.by : null };
  }

  #follow(chain: FirewallChain, depth: number): Fate {
    const through: Fate = { kind: "through", by: null };
    for (const rule of chain.rules) {
      const answer = matches(rule, this.#question);
      if (answer === "no") continue;
      const { verdict } = rule;
      if (verdict.kind === "continue") continue;
      if (verdict.kind === "unknown" || depth === DEPTH) {
        this.#mayAccept = true;
        continue;
      }
      if (verdict.kind === "jump" || verdict.kind === "goto") {
        const target = this.#chains.get(verdict.chain);
        const fate = target === undefined ? through : this.#follow(target, depth + 1);
        if (target === undefined || (answer === "maybe" && fate.kind !== "drop")) this.#mayAccept = true;
        if (answer === "maybe") continue;
        if (fate.kind !== "through" || verdict.kind === "goto") return fate;
        continue;
      }
      if (answer === "maybe") {
        if (verdict.kind !== "drop") this.#mayAccept = true;
        continue;
      }
      if (verdict.kind === "return") return through;
      return { kind: verdict.kind, by: rule };
    }
    return through;
  }
}

/** Whether a rule is about the packet. */
export function matches(rule: FirewallRule, question: FirewallQuestion): Answer {
  const { family, destinations, protocols, destinationPorts, inputs, states } = rule;
  const { source, state = "new" } = question;
  if (family !== null && family !== question.family) return "no";
  if (destinations !== null && !destinations.some((each) => contains(each, question.destination)))
    return "no";
  if (protocols !== null && !protocols.includes(question.protocol)) return "no";
  if (states !== null && !states.includes(state)) return "no";
  let certain = !rule.vague;
  if (rule.sources !== null) {
    if (source === undefined) certain = false;
    else if (!rule.sources.some((each) => contains(each, source.address))) return "no";
  }
  for (const [ranges, port] of [
    [rule.sourcePorts, source?.port ?? null],
    [destinationPorts, question.port],
  ] as const) {
    if (ranges === null) continue;
    if (port === null) certain = false;
    else if (!ranges.some(({ first, last }) => first <= port && port <= last)) return "no";
  }
  if (inputs !== null) {
    const { input } = question;
    if (inputs.every((name) => name === "lo")) return input === "lo" ? (certain ? "yes" : "maybe") : "no";
    if (input === null) certain = false;
    else if (!inputs.some((name) => isNamed(input, name))) return "no";
  }
  return certain ? "yes" : "maybe";
}

function contains({ address, length }: Network, other: string): boolean {
  return prefixContains({ address: ip(address), length }, ip(other));
}

function isNamed(name: string, pattern: string): boolean {
  return pattern.endsWith("*") ? name.startsWith(pattern.slice(0, -1)) : name === pattern;
}
