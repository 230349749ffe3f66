/** Values as iptables and the C library read them. */
import type { FlagsMatch, InterfaceMatch, PortRange } from "../model.ts";
import type { RuleNames } from "./names.ts";
import { usage } from "./rules-error.ts";

/** A number at the beginning of a text, as strtoul(3) with base 0 reads it, and what is behind it. Null: there is none. */
export function leadingNumber(text: string): { value: bigint; rest: string } | null {
  const found = /^\s*\+?(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)/.exec(text);
  if (found === null) return null;
  const digits = found[1]!;
  const octal = /^0[0-7]+$/.test(digits);
  return { value: BigInt(octal ? `0o${digits.slice(1)}` : digits), rest: text.slice(found[0].length) };
}

/** A whole number from `least` to `most`, decimal, octal or hexadecimal; null for anything else. */
export function wholeNumber(text: string, least: number, most: number): number | null {
  const found = leadingNumber(text);
  if (found === null || found.rest !== "" || found.value < BigInt(least) || found.value > BigInt(most))
    return null;
  return Number(found.value);
}

/** A packet or byte counter: 64 bits; null for anything else. */
export function counter(text: string): bigint | null {
  return /^\d+$/.test(text) && BigInt(text) < 1n << 64n ? BigInt(text) : null;
}

/** A port by number or by the name of a service. */
export function port(
  text: string,
  protocol: string | null,
  names: RuleNames,
  wrong: (text: string) => string = invalidPort,
): number {
  const found = wholeNumber(text, 0, 0xffff) ?? (text === "" ? null : names.servicePort(text, protocol));
  if (found === null) throw usage(wrong(text));
  return found;
}

function invalidPort(text: string): string {
  return `invalid port/service \`${text}' specified`;
}

/** What is said of a port of UDP that is no number. */
function unknownPort(text: string): string {
  return /^\D/.test(text) ? `Port "${text}" does not resolve to anything.\n` : invalidPort(text);
}

/** "80", "8000:8080", ":1023", "1024:". */
export function portRange(text: string, protocol: string, names: RuleNames): PortRange {
  const wrong = protocol === "udp" ? unknownPort : invalidPort;
  const colon = text.indexOf(":");
  const read = (part: string, otherwise: number): number =>
    part === "" && colon >= 0 ? otherwise : port(part, protocol, names, wrong);
  const first = read(colon < 0 ? text : text.slice(0, colon), 0);
  const last = colon < 0 ? first : read(text.slice(colon + 1), 0xffff);
  if (first > last) throw usage("invalid portrange (min > max)");
  return { first, last };
}

const FLAG_BITS = new Map([
  ["FIN", 1],
  ["SYN", 2],
  ["RST", 4],
  ["PSH", 8],
  ["ACK", 16],
  ["URG", 32],
  ["ALL", 63],
  ["NONE", 0],
]);

/** The TCP flags of "SYN,ACK", in any case. */
export function tcpFlags(text: string): number {
  const words = text.split(",").filter((word) => word !== "");
  return words.reduce((flags, word) => {
    const bits = FLAG_BITS.get(word.toUpperCase());
    if (bits === undefined) throw usage(`Unknown TCP flag \`${word}'`);
    return flags | bits;
  }, 0);
}

/** What `--syn` asks. */
export const SYN: Omit<FlagsMatch, "negated"> = { mask: 0x17, set: 0x02 };

const LONGEST_INTERFACE = 15;

/** "eth0", "eth+", "+". Null: any interface. */
export function interfaceMatch(text: string, negated: boolean): InterfaceMatch | null {
  if (text === "") throw usage("Empty interface is likely to be undesired");
  if (Buffer.byteLength(text) > LONGEST_INTERFACE) {
    throw usage(`interface name \`${text}' must be shorter than IFNAMSIZ (${LONGEST_INTERFACE})`);
  }
  if (/[\n\r\0]/.test(text)) throw usage("an interface's name must be a single line");
  const isPrefix = text.endsWith("+");
  const name = isPrefix ? text.slice(0, -1) : text;
  return name === "" && !negated ? null : { negated, name, isPrefix };
}
