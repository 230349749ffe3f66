import { Random } from "../../../kernel/fuzz/random.ts";
import { applyMask, maskOfLength } from "../../../net/index.ts";
import type { Family } from "../../model.ts";
import {
  type AddressMatch,
  type Chain,
  type Match,
  type PortMatch,
  type PortRange,
  PREROUTING,
  type Rule,
  type RuleCounters,
  type RuleSet,
  type Target,
} from "../model.ts";

/** Random rule sets that can hold: every match and target but sets, several chains, without loops. */
export class RandomRules {
  readonly #random: Random;

  constructor(seed: number) {
    this.#random = new Random(seed);
  }

  below(limit: number): number {
    return this.#random.below(limit);
  }

  pick<T>(from: readonly T[]): T {
    return this.#random.of(from);
  }

  chance(oneIn: number): boolean {
    return this.#random.once(oneIn);
  }

  ruleSet(family: Family): RuleSet {
    const names = ["Web-1", "a", "b_2", "mail.x", "z"].slice(0, this.below(6));
    const users = names.map((name, index): Chain => {
      // Only later ones: no loops.
      const below = names.slice(index + 1);
      return { name, policy: null, counters: { packets: 0n, bytes: 0n }, rules: this.rules(family, below) };
    });
    const first: Chain = {
      name: PREROUTING,
      policy: this.pick(["accept", "drop"] as const),
      counters: this.counters(),
      rules: this.rules(family, names),
    };
    return { family, chains: [first, ...users] };
  }

  rules(family: Family, chains: readonly string[]): Rule[] {
    return Array.from({ length: this.below(6) }, () => this.rule(family, chains));
  }

  rule(family: Family, chains: readonly string[]): Rule {
    const protocol = this.pick([null, 6, 6, 17, 17, 132, 1, 50, 58, 136, 255]);
    const negated = this.chance(8);
    return {
      source: this.chance(2) ? this.address(family) : null,
      destination: this.chance(2) ? this.address(family) : null,
      input: this.chance(3)
        ? {
            negated: this.chance(4),
            name: this.pick(["eth0", "lo", "abcdefghijklmn"]),
            isPrefix: this.chance(3),
          }
        : null,
      protocol: protocol === null ? null : { negated, number: protocol },
      fragment: family === 4 && this.chance(10) ? { negated: this.chance(2) } : null,
      matches: this.matches(negated ? null : protocol),
      target: this.target(chains),
      counters: this.counters(),
    };
  }

  counters(): RuleCounters {
    return {
      packets: BigInt(this.below(1000)),
      bytes: BigInt(this.below(1000)) ** BigInt(1 + this.below(4)),
    };
  }

  address(family: Family): AddressMatch {
    const size = family === 4 ? 4 : 16;
    const bytes = Uint8Array.from({ length: size }, () => this.below(256));
    const mask = this.chance(6)
      ? Uint8Array.from({ length: size }, () => this.below(256) | 1)
      : maskOfLength(1 + this.below(8 * size), size);
    return { negated: this.chance(5), address: applyMask(bytes, mask), mask };
  }

  range(): PortRange {
    const [first, second] = [this.below(65536), this.below(65536)];
    if (this.chance(2)) return { first, last: first };
    return { first: Math.min(first, second), last: Math.max(first, second) };
  }

  port(): PortMatch | null {
    return this.chance(2) ? { negated: this.chance(4), ...this.range() } : null;
  }

  matches(protocol: number | null): Match[] {
    const kinds = new Map([
      [6, "tcp"],
      [17, "udp"],
      [132, "sctp"],
    ] as const);
    const kind = kinds.get(protocol as 6);
    const matches: Match[] = [];
    const ports = { source: this.port(), destination: this.port() };
    if (kind !== undefined && this.chance(2)) {
      const flags = this.chance(3)
        ? { negated: this.chance(3), mask: this.below(64), set: this.below(64) }
        : null;
      matches.push(kind === "tcp" ? { kind, ...ports, flags } : { kind, ...ports });
    }
    if ((kind !== undefined || protocol === 136) && this.chance(3)) matches.push(this.multiport());
    while (this.chance(4)) {
      const mask = this.pick([0xffffffff, 0xff, 0xf0f0, 0]);
      matches.push({ kind: "mark", negated: this.chance(3), value: this.below(0x100000000), mask });
    }
    if (this.chance(5)) {
      const text = this.pick(["plain", "two words", 'q"uo\\te', "it's #1", "", "ü", "x".repeat(255)]);
      matches.push({ kind: "comment", text });
    }
    return matches;
  }

  multiport(): Match {
    const which = this.pick(["source", "destination", "either"] as const);
    let room = 1 + this.below(15);
    const ranges: PortRange[] = [];
    while (room > 0) {
      const range = this.range();
      room -= range.first === range.last ? 1 : 2;
      if (room >= 0 || ranges.length === 0) ranges.push(range);
    }
    return { kind: "multiport", negated: this.chance(4), which, ranges };
  }

  target(chains: readonly string[]): Target | null {
    if (chains.length > 0 && this.chance(4)) {
      return { kind: "jump", chain: this.pick(chains), isGoto: this.chance(3) };
    }
    if (this.chance(3))
      return this.pick([null, { kind: "accept" }, { kind: "drop" }, { kind: "return" }] as const);
    return {
      kind: "mark",
      value: this.below(0x100000000),
      mask: this.pick([0xffffffff, 0, 0xff, 0xffff0000]),
    };
  }
}
