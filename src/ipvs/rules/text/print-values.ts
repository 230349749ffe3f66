import { formatIp, maskLength } from "../../../net/index.ts";
import type { FlagsMatch, InterfaceMatch, PortRange } from "../model.ts";

/** `! ` in front of what is negated. */
export function not(negated: boolean): string {
  return negated ? "! " : "";
}

/** "0x12c" */
export function hexadecimal(value: number): string {
  return `0x${value.toString(16)}`;
}

/** A mark as it is asked for: the mask only if it is not all ones. */
export function markAndMask(value: number, mask: number): string {
  return mask === 0xffffffff ? hexadecimal(value) : `${hexadecimal(value)}/${hexadecimal(mask)}`;
}

/** "80" or "8000:8080" */
export function portRange({ first, last }: PortRange): string {
  return first === last ? String(first) : `${first}:${last}`;
}

/** "/24", or "/255.0.255.0" for what is no prefix's mask. */
export function maskText(mask: Uint8Array): string {
  return `/${maskLength(mask) ?? formatIp(mask)}`;
}

/** "eth0", "eth+" or "+" */
export function interfaceText({ name, isPrefix }: InterfaceMatch): string {
  return isPrefix ? `${name}+` : name;
}

const FLAGS = ["FIN", "SYN", "RST", "PSH", "ACK", "URG"] as const;

/** "FIN,SYN"; "NONE" for no flag. Names of the low six bits of the TCP header's flags. */
export function flagNames(flags: number): string {
  const names = FLAGS.filter((_, bit) => (flags >> bit) & 1);
  return names.length === 0 ? "NONE" : names.join(",");
}

/** "FIN,SYN,RST,ACK SYN": the mask and what is set of it, with this between them. */
export function flagsText({ mask, set }: FlagsMatch, between: string): string {
  return `${flagNames(mask)}${between}${flagNames(set)}`;
}

/** As it is written in saved rules: bare if it is of letters, digits, `_` and `-`, else in quotes, with `"`, `\` and `'` escaped. */
export function quoted(text: string): string {
  return /^[\w-]+$/.test(text) ? text : `"${text.replace(/["\\']/g, "\\$&")}"`;
}
