import type { RuleNames } from "./names.ts";

/** Names that need no /etc/protocols. Of several for one number the first is the one that is printed. */
const BUILT_IN: readonly (readonly [name: string, number: number])[] = [
  ["tcp", 6],
  ["sctp", 132],
  ["udp", 17],
  ["udplite", 136],
  ["icmp", 1],
  ["ipv6-icmp", 58],
  ["icmpv6", 58],
  ["icmp6", 58],
  ["esp", 50],
  ["ah", 51],
  ["mobility-header", 135],
  ["ipv6-mh", 135],
  ["mh", 135],
  ["all", 0],
];

const NUMBERS = new Map(BUILT_IN);
const NAMES = new Map([...BUILT_IN].reverse().map(([name, number]) => [number, name]));

/** A protocol's name, built in or in /etc/protocols; a number if it has none. */
export function protocolName(number: number, names: RuleNames): string {
  return NAMES.get(number) ?? names.protocolName(number) ?? String(number);
}

/** The number of a protocol by name, in lower case; null: there is none of that name. */
export function protocolNumber(name: string, names: RuleNames): number | null {
  return NUMBERS.get(name) ?? names.protocolNumber(name);
}
