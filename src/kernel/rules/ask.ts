// SPDX-License-Identifier: MIT OR GPL-2.0-only
/** How packets come to the rules: handed on to the program that evaluates them, which hands them on to where they were going. */
import { type Packet, TC_NEXT, TC_SHOT, tailCall, type u32 } from "../../bpf/index.ts";
import { admission, family, outgoing, rules } from "../options.ts";
import { PROGRAM_IPV4_RULES, PROGRAM_IPV6_RULES, programs, scratch } from "../tables.ts";

/** What programs return of a packet that the rules are to see; where it goes then stands in `Scratch`. */
export const TO_RULES = 0xfffffffa;

/** Behind the rules, the packet goes up the stack. */
export const NO_PROGRAM = 0xffffffff;

/** A packet of no known connection, which the rules are to see before the program in slot `next` does. */
export function askRules(next: u32): u32 {
  const mine = scratch.lookup(0);
  if (mine === null) return TC_SHOT;
  mine.next = next;
  mine.askedFor = 0;
  return TO_RULES;
}

/** A packet that is none of ours. */
export function notOurs(): u32 {
  return rules.value && !admission.value && !outgoing.value ? askRules(NO_PROGRAM) : TC_NEXT;
}

/** Lets the rules see the packet. Where there are none, as while programs are being replaced, it goes on at once. */
export function toRules(packet: Packet): u32 {
  tailCall(packet, programs, family.value === 6 ? PROGRAM_IPV6_RULES : PROGRAM_IPV4_RULES);
  const mine = scratch.lookup(0);
  if (mine === null || mine.next === NO_PROGRAM) return TC_NEXT;
  tailCall(packet, programs, mine.next);
  return TC_NEXT;
}
