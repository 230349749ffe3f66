/** Names and numbers of schedulers. */
import * as tables from "../../kernel/tables.ts";

const NUMBERS: ReadonlyMap<string, number> = new Map([
  ["rr", tables.SCHEDULER_RR],
  ["wrr", tables.SCHEDULER_WRR],
  ["lc", tables.SCHEDULER_LC],
  ["wlc", tables.SCHEDULER_WLC],
  ["lblc", tables.SCHEDULER_LBLC],
  ["lblcr", tables.SCHEDULER_LBLCR],
  ["dh", tables.SCHEDULER_DH],
  ["sh", tables.SCHEDULER_SH],
  ["mh", tables.SCHEDULER_MH],
  ["sed", tables.SCHEDULER_SED],
  ["nq", tables.SCHEDULER_NQ],
  ["fo", tables.SCHEDULER_FO],
  ["ovf", tables.SCHEDULER_OVF],
  ["twos", tables.SCHEDULER_TWOS],
]);

const NAMES: ReadonlyMap<number, string> = new Map([...NUMBERS].map(([name, number]) => [number, name]));

/** The number of a scheduler; undefined if there is none of that name. */
export function schedulerNumber(name: string): number | undefined {
  return NUMBERS.get(name);
}

export function schedulerName(number: number): string {
  return NAMES.get(number) ?? `?${number}`;
}
