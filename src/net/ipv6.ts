import { formatIpv4, parseIpv4 } from "./ipv4.ts";

/** IPv6 addresses are their sixteen bytes in network order. */

/**
 * An address in the forms of RFC 4291 section 2.2, as inet_pton(3) takes it: groups of up to four hexadecimal
 * digits, one "::", an IPv4 address at the end. No zone, no brackets. Returns undefined for anything else.
 */
export function parseIpv6(text: string): Uint8Array | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const head = parseGroups(halves[0]!, halves.length === 1);
  const tail = halves.length === 2 ? parseGroups(halves[1]!, true) : [];
  if (head === undefined || tail === undefined) return undefined;
  const missing = 16 - head.length - tail.length;
  if (halves.length === 1 ? missing !== 0 : missing < 2) return undefined;
  const address = new Uint8Array(16);
  address.set(head, 0);
  address.set(tail, 16 - tail.length);
  return address;
}

/** The bytes of groups joined by ":"; the last may be an IPv4 address if `ends` the whole. */
function parseGroups(text: string, ends: boolean): number[] | undefined {
  if (text === "") return [];
  const groups = text.split(":");
  const bytes: number[] = [];
  for (const [index, group] of groups.entries()) {
    if (ends && index === groups.length - 1 && group.includes(".")) {
      const embedded = parseIpv4(group);
      if (embedded === undefined) return undefined;
      bytes.push(...embedded);
      continue;
    }
    if (!/^[0-9a-fA-F]{1,4}$/.test(group)) return undefined;
    const value = Number.parseInt(group, 16);
    bytes.push(value >> 8, value & 0xff);
  }
  return bytes.length <= 16 ? bytes : undefined;
}

/**
 * An address in the form of RFC 5952: lower case, the longest run of two or more zero groups (the first of equals)
 * as "::". As inet_ntop(3) does, an IPv4 address at the end is dotted after ::ffff: and after six zero groups.
 */
export function formatIpv6(address: Uint8Array): string {
  const groups = Array.from(
    { length: 8 },
    (_, index) => (address[2 * index]! << 8) | address[2 * index + 1]!,
  );
  const run = longestZeroRun(groups);
  const embedsIpv4 = run.start === 0 && (run.length === 6 || (run.length === 5 && groups[5] === 0xffff));
  if (embedsIpv4) return `::${run.length === 5 ? "ffff:" : ""}${formatIpv4(address.subarray(12))}`;
  const hex = groups.map((group) => group.toString(16));
  if (run.length < 2) return hex.join(":");
  return `${hex.slice(0, run.start).join(":")}::${hex.slice(run.start + run.length).join(":")}`;
}

function longestZeroRun(groups: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  for (let start = 0; start < groups.length; start++) {
    let end = start;
    while (groups[end] === 0) end++;
    if (end - start > best.length) best = { start, length: end - start };
    if (end > start) start = end;
  }
  return best;
}
