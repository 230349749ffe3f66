/** Numbers of listings. */

const SUFFIXES = ["K", "M", "G", "T"] as const;
/** More digits than this are shortened. */
const LONGEST = 99_999n;
const LONGEST_SHORTENED = 9_999n;

/** A counter as listings show it: in full up to 99999, else in thousands, millions and so on, rounded. */
export function shortNumber(value: bigint): string {
  if (value <= LONGEST) return String(value);
  let rest = value;
  for (const suffix of SUFFIXES) {
    rest = (rest + 500n) / 1000n;
    if (rest <= LONGEST_SHORTENED || suffix === "T") return `${rest}${suffix}`;
  }
  return String(value);
}
