// SPDX-License-Identifier: MIT OR GPL-2.0-only
/**
 * The program that evaluates rules: as its table mangle, chain PREROUTING is for netfilter, this is the first that packets come to which
 * belong to no known connection. They get their mark here, or are dropped.
 */
import { make, type Packet, pullData, TC_NEXT, TC_SHOT, tailCall, trace, type u32 } from "../../bpf/index.ts";
import { isHandedOver } from "../forward/hand-over.ts";
import { LONGEST_HEADERS, LOOPBACK } from "../headers.ts";
import { family, ruleDrops } from "../options.ts";
import {
  ACTION_DROP,
  COUNTERS_A_FAMILY,
  EXTRAS_A_SET,
  PROGRAM_IPV4_ADMISSION,
  PROGRAM_IPV6_ADMISSION,
  programs,
  RULES_A_SET,
  type RuleSets,
  RuleWalk,
  ruleSets,
  scratch,
} from "../tables.ts";
import { NO_PROGRAM } from "./ask.ts";
import { readPacket } from "./read.ts";
import { noteVerdict, setsOfFamily } from "./verdict.ts";
import { walkRules } from "./walk.ts";

/** Begins at the built-in chain of the set that is in use. */
function begin(walk: RuleWalk, sets: RuleSets, generation: u32): void {
  const place = sets.places[generation & 1]!;
  const number = setsOfFamily() * 2 + (generation & 1);
  walk.elements = number * RULES_A_SET;
  walk.extras = number * EXTRAS_A_SET;
  walk.counters = setsOfFamily() * COUNTERS_A_FAMILY;
  walk.position = place.start;
  walk.end = place.end;
  walk.policy = place.policy;
  walk.policyCounter = place.counter;
}

/** Whether the packet passes. */
function passes(packet: Packet): boolean {
  const mine = scratch.lookup(0);
  const sets = ruleSets.lookup(setsOfFamily());
  if (mine === null || sets === null) return true;
  const generation = sets.generation;
  mine.passed = 0;
  // What they are asked about a connection has an answer, or the packet does not go back: it would only come again.
  const isAsked = ruleDrops.value && mine.askedFor !== 0;
  if (generation === 0 || (!isAsked && packet.ifindex === LOOPBACK && isHandedOver(packet))) return true;
  const walk = make(RuleWalk);
  if (!readPacket(packet, walk)) return !isAsked;
  begin(walk, sets, generation);
  trace("rules-begin");
  walkRules(walk);
  trace("rules-end", walk.mark);
  const isDropped = walk.verdict === ACTION_DROP;
  if (ruleDrops.value) {
    if (isAsked) {
      noteVerdict((mine.askedFor - 1) >>> 0, mine.askedWay, generation, isDropped ? 1 : 0);
    }
    const admission = family.value === 6 ? PROGRAM_IPV6_ADMISSION : PROGRAM_IPV4_ADMISSION;
    if (mine.next === admission) mine.passed = generation;
  }
  if (isDropped) {
    trace("rules-dropped");
    return false;
  }
  packet.mark = walk.mark;
  return true;
}

/** The program. Returns the verdict of traffic control. */
export function rule(packet: Packet): u32 {
  const length = packet.length;
  pullData(packet, Math.min(length, LONGEST_HEADERS));
  if (!passes(packet)) return TC_SHOT;
  const mine = scratch.lookup(0);
  if (mine === null || mine.next === NO_PROGRAM) return TC_NEXT;
  tailCall(packet, programs, mine.next);
  return TC_NEXT;
}
