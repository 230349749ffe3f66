import { applyMask, maskOfLength, parseIpv6 } from "../../../net/index.ts";
import type { Family } from "../../model.ts";
import type { AddressMatch } from "../model.ts";
import type { RuleNames } from "./names.ts";
import { wholeNumber } from "./parse-values.ts";
import { usage } from "./rules-error.ts";

/**
 * The addresses of `-s` and `-d`: one or several with commas between them, each an address, a network or a host's name, with a mask or
 * without. A name may stand for several. Null stands for every address.
 *
 * @throws RulesError
 */
export function parseAddresses(
  text: string,
  negated: boolean,
  family: Family,
  names: RuleNames,
): readonly (AddressMatch | null)[] {
  const found = text.split(",").flatMap((part) => {
    const slash = part.lastIndexOf("/");
    const mask =
      slash < 0 ? maskOfLength(BITS[family], BITS[family] / 8) : readMask(part.slice(slash + 1), family);
    const found = addresses(slash < 0 ? part : part.slice(0, slash), family, names);
    return found.map((address) => ({ negated, address: applyMask(address, mask), mask }));
  });
  if (negated && found.length > 1)
    throw usage("! not allowed with multiple source or destination IP addresses");
  return found.map((match) => (isAny(match) && !negated ? null : match));
}

/** Whether no bit is asked for. */
export function isAny({ mask }: AddressMatch): boolean {
  return mask.every((byte) => byte === 0);
}

const BITS = { 4: 32, 6: 128 };

function readMask(text: string, family: Family): Uint8Array {
  const length = wholeNumber(text, 0, BITS[family]);
  if (length !== null) return maskOfLength(length, BITS[family] / 8);
  const mask = family === 4 ? dotted(text, 4) : parseIpv6(text);
  if (mask === undefined) throw usage(`invalid mask \`${text}' specified`);
  return mask;
}

function addresses(text: string, family: Family, names: RuleNames): readonly Uint8Array[] {
  const numeric = family === 4 ? dotted(text, 1) : parseIpv6(text);
  if (numeric !== undefined) return [numeric];
  const network = family === 4 && text !== "" ? names.networkAddress(text) : null;
  if (network !== null) return [network];
  const found = text === "" ? [] : names.hostAddresses(text, family);
  if (found.length === 0) throw usage(`host/network \`${text}' not found`);
  return found;
}

/** "10.1.2.3", or fewer parts with zeros for the rest: "10.1" is 10.1.0.0. At least so many parts. */
function dotted(text: string, parts: number): Uint8Array | undefined {
  const bytes = text.split(".").map((part) => wholeNumber(part, 0, 255));
  if (bytes.length < parts || bytes.length > 4 || bytes.includes(null)) return undefined;
  return Uint8Array.from({ length: 4 }, (_, index) => bytes[index] ?? 0);
}
