import type { Administration } from "../../ipvs/administration.ts";
import { IpvsError, UnknownSysctlError } from "../../ipvs/errors.ts";
import type { Sysctl } from "../../ipvs/model.ts";
import { SYSCTL_PREFIX, type SysctlRequest } from "./sysctl-request.ts";

/** Where `lvs sysctl` writes. */
export interface SysctlOutput {
  readonly stdout: (text: string) => void;
  /** One complaint, without prefix and line feed. */
  readonly complain: (text: string) => void;
}

/**
 * `lvs sysctl`: shows and sets one after the other, as sysctl(8) does; what fails is complained of and does not stop
 * the rest.
 *
 * @returns whether all of it was done
 */
export function runSysctl(
  { items, json, valuesOnly, quiet }: SysctlRequest,
  director: Administration,
  { stdout, complain }: SysctlOutput,
): boolean {
  let known = director.sysctls();
  const show = ({ name, value }: Sysctl): string =>
    valuesOnly ? `${value}\n` : `${SYSCTL_PREFIX}${name} = ${value}\n`;
  const shown: Sysctl[] = items.length === 0 ? [...known] : [];
  let done = true;
  for (const { name, value } of items) {
    try {
      if (value !== null) {
        director.setSysctl(name, value);
        known = director.sysctls();
      }
      const found = known.find((each) => each.name === name);
      if (found === undefined) throw new UnknownSysctlError(name);
      if (value === null || !quiet) shown.push(found);
    } catch (error) {
      if (!(error instanceof IpvsError)) throw error;
      done = false;
      complain(complaint(error, name, known));
    }
  }
  stdout(json ? `${JSON.stringify(toJson(shown), null, 2)}\n` : shown.map(show).join(""));
  return done;
}

function complaint(error: IpvsError, name: string, known: readonly Sysctl[]): string {
  if (!(error instanceof UnknownSysctlError)) return error.message;
  const near = nearest(
    name,
    known.map((each) => each.name),
  );
  const advice = near === null ? "`lvs sysctl --all` lists them" : `did you mean ${near}?`;
  return `IPVS has no sysctl ${name}: ${advice}`;
}

/** The values by full name: a number, an array of numbers where there are several, else text. */
function toJson(sysctls: readonly Sysctl[]): Record<string, number | number[] | string> {
  return Object.fromEntries(
    sysctls.map(({ name, value }) => {
      const words = value.split(/\s+/);
      const numbers = words.map(Number);
      const one = words.length === 1 ? numbers[0]! : numbers;
      return [`${SYSCTL_PREFIX}${name}`, words.every((word) => /^-?[0-9]+$/.test(word)) ? one : value];
    }),
  );
}

/** The name that the fewest changed letters away from what was said lead to, if they are few; else null. */
function nearest(name: string, known: readonly string[]): string | null {
  const ranked = known
    .map((candidate) => ({ candidate, distance: distance(name, candidate) }))
    .sort((a, b) => a.distance - b.distance);
  const best = ranked[0];
  return best !== undefined && best.distance <= Math.max(2, name.length / 3) ? best.candidate : null;
}

/** How many letters must be put in, left out or changed to make `a` from `b` (Levenshtein). */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(change, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[b.length]!;
}
