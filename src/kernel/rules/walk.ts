// SPDX-License-Identifier: MIT OR GPL-2.0-only
/** The way of a packet through a rule set: from element to element, into chains and back. */
import { repeat, trace, type u32 } from "../../bpf/index.ts";
import {
  ACTION_ACCEPT,
  ACTION_ALSO,
  ACTION_DROP,
  ACTION_GOTO,
  ACTION_JUMP,
  ACTION_MARK,
  ACTION_RETURN,
  RULE_DEPTH,
  type RuleElement,
  type RuleWalk,
  ruleCounts,
  ruleElements,
} from "../tables.ts";
import { MATCH, matchOf, TOO_SHORT } from "./match.ts";

/**
 * Elements that a packet may come by. The administration refuses rule sets with longer ways.
 * Each end of a chain counts, too.
 */
export const LONGEST_WALK = 1 << 20;

function count(walk: RuleWalk, counter: u32): void {
  const counts = ruleCounts.lookup((walk.counters + counter) >>> 0);
  if (counts === null) return;
  counts.packets = counts.packets + 1n;
  counts.bytes = counts.bytes + BigInt(walk.length);
}

/** The end of a chain: goes on behind where it was called from, or by the policy. Answers whether that was all. */
function leaveChain(walk: RuleWalk): boolean {
  const depth = walk.depth;
  if (depth === 0 || depth > RULE_DEPTH) {
    trace("rule-policy", walk.policy);
    count(walk, walk.policyCounter);
    walk.verdict = walk.policy;
    return true;
  }
  const back = walk.returns[depth - 1]!;
  walk.position = back.position;
  walk.end = back.end;
  walk.depth = depth - 1;
  return false;
}

/** Calls the chain of an element. */
function enterChain(element: RuleElement, walk: RuleWalk): void {
  const depth = walk.depth;
  if (element.action === ACTION_JUMP && depth < RULE_DEPTH) {
    const back = walk.returns[depth]!;
    back.position = walk.position;
    back.end = walk.end;
    walk.depth = depth + 1;
  }
  walk.position = element.first;
  walk.end = element.second;
}

function step(_round: u32, walk: RuleWalk): u32 {
  const position = walk.position;
  if (position >= walk.end) return leaveChain(walk) ? 1 : 0;
  const element = ruleElements.lookup((walk.elements + position) >>> 0);
  if (element === null) return 1;
  const match = matchOf(element, walk);
  if (match === TOO_SHORT) {
    walk.verdict = ACTION_DROP;
    return 1;
  }
  const action = element.action;
  if (match === MATCH && action === ACTION_ALSO) {
    walk.position = (position + 1) >>> 0;
    return 0;
  }
  walk.position = element.next;
  if (match !== MATCH) return 0;
  trace("rule", position, action);
  count(walk, element.counter);
  if (action === ACTION_MARK) {
    walk.mark = ((walk.mark & ~element.second) ^ element.first) >>> 0;
    return 0;
  }
  if (action === ACTION_ACCEPT || action === ACTION_DROP) {
    walk.verdict = action;
    return 1;
  }
  if (action === ACTION_RETURN) return leaveChain(walk) ? 1 : 0;
  if (action === ACTION_JUMP || action === ACTION_GOTO) enterChain(element, walk);
  return 0;
}

/** Takes the packet through the rules, from the beginning of the built-in chain. */
export function walkRules(walk: RuleWalk): void {
  walk.verdict = ACTION_ACCEPT;
  walk.depth = 0;
  repeat(LONGEST_WALK, step, walk);
}
