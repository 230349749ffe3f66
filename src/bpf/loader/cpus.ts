import { readFileSync } from "node:fs";

let possible: number | undefined;

/** The number of possible CPUs: values of per-CPU maps have one part for each, present or not. Read once. */
export function possibleCpus(): number {
  possible ??= countCpus(readFileSync("/sys/devices/system/cpu/possible", "utf8"));
  return possible;
}

/** Counts a CPU list as sysfs prints it: `0-3,8,10-11`. */
export function countCpus(list: string): number {
  let count = 0;
  for (const part of list.trim().split(",")) {
    const [first, last] = part.split("-").map(Number);
    count += (last ?? first ?? 0) - (first ?? 0) + 1;
  }
  return count;
}
