/** Random rules and packets before netfilter and before ours. */
import type { RuleSet } from "../../src/ipvs/index.ts";
import { printRuleSet } from "../../src/ipvs/rules/text/save.ts";
import { Random, seedOf } from "../../src/kernel/fuzz/random.ts";
import { type Fate, Judge } from "./judge.ts";
import { Ours } from "./ours.ts";
import { type RandomPacket, randomPacket } from "./random-packets.ts";
import { randomRules } from "./random-rules.ts";

/** Packets for each rule set. */
const PACKETS = 40;

export interface Tally {
  readonly sets: number;
  readonly packets: number;
  readonly dropped: number;
  /** Packets whose mark was changed. */
  readonly marked: number;
  /** Each in words: which set and packet, and what the two say. */
  readonly differences: readonly string[];
}

/** Compares so many rule sets, each second one of IPv6. Needs root. */
export function compareRules(sets: number, seed: number, prefix: string): Tally {
  const judge = new Judge(prefix);
  const ours = new Ours(prefix);
  const tally = { sets, packets: 0, dropped: 0, marked: 0, differences: [] as string[] };
  try {
    for (let number = 0; number < sets; number++) {
      const random = new Random(seedOf(seed, number));
      const set = randomRules(random, number % 2 === 0 ? 4 : 6);
      const packets = Array.from({ length: PACKETS }, () => randomPacket(random, set.family));
      const expected = judge.judge(set, packets);
      const found = ours.judge(set, packets);
      for (const [index, packet] of packets.entries()) {
        tally.packets += 1;
        if (expected[index] === null) tally.dropped += 1;
        else if (expected[index] !== packet.mark) tally.marked += 1;
        if (expected[index] === found[index]) continue;
        const what = `seed ${seed}, set ${number}, packet ${index}`;
        tally.differences.push(describe(what, set, packet, expected[index]!, found[index]!));
      }
    }
  } finally {
    ours.close();
    judge.close();
  }
  return tally;
}

function describe(what: string, set: RuleSet, packet: RandomPacket, netfilter: Fate, lvs: Fate): string {
  const say = (fate: Fate) => (fate === null ? "dropped" : `mark 0x${fate.toString(16)}`);
  return [
    `${what}: netfilter ${say(netfilter)}, lvs ${say(lvs)}`,
    `  on ${packet.interface}, mark 0x${packet.mark.toString(16)}: ${Buffer.from(packet.bytes).toString("hex")}`,
    printRuleSet(set).replace(/^/gm, "  "),
  ].join("\n");
}
