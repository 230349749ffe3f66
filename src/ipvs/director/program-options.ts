/** What programs are compiled for: options of the datapath, and how a loaded program's name tells them. */
import { FEATURES, type Feature, type Needs } from "../plane.ts";

/** Options of `src/kernel/options.ts`, by name. */
export type ProgramOptions = Readonly<Record<string, number | boolean>>;

/** Each feature has an option of its name. */
export function optionsOf(needs: Needs): ProgramOptions {
  return Object.fromEntries(FEATURES.map((feature) => [feature, needs.has(feature)]));
}

/** What a loaded program is: its name, at most 15 characters, says which needs it was made for, and from which source. */
export interface ProgramIdentity {
  readonly needs: Needs;
  /** A short form of the source hash. */
  readonly source: string;
}

const DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/** Digits of a name: 62⁶ is more than 2³⁵, so there may be 35 features. */
const NEEDS_DIGITS = 6;
const SOURCE_DIGITS = 4;

/** "lvs4_00vGh2aB3d": which program it is, a bit for each feature, and the source. */
export function programName(kind: string, needs: Needs, source: string): string {
  const bits = FEATURES.reduce((sum, feature, bit) => sum + (needs.has(feature) ? 2 ** bit : 0), 0);
  return `${kind}_${inDigits(bits, NEEDS_DIGITS)}${shortSource(source)}`;
}

/** Undefined for a name that is not one of ours. */
export function parseProgramName(name: string): ProgramIdentity | undefined {
  const match = /^[a-z]{3}[46]_([0-9A-Za-z]{6})([0-9A-Za-z]{4})$/.exec(name);
  if (match === null) return undefined;
  let bits = 0;
  for (const digit of match[1]!) bits = bits * DIGITS.length + DIGITS.indexOf(digit);
  const needs = new Set<Feature>(FEATURES.filter((_, bit) => Math.floor(bits / 2 ** bit) % 2 === 1));
  return { needs, source: match[2]! };
}

/** Whether a program was made from the source of that hash. */
export function isOfSource(identity: ProgramIdentity, source: string): boolean {
  return identity.source === shortSource(source);
}

function shortSource(source: string): string {
  const number = Number.parseInt(source.slice(0, 12), 16);
  return inDigits(number % DIGITS.length ** SOURCE_DIGITS, SOURCE_DIGITS);
}

function inDigits(number: number, count: number): string {
  let text = "";
  for (let rest = number; text.length < count; rest = Math.floor(rest / DIGITS.length)) {
    text = DIGITS[rest % DIGITS.length] + text;
  }
  return text;
}
