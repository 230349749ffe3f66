import { bind, check } from "./libc.ts";

/** Options of prctl(2) that are of use here. */
export const PR = { SET_PDEATHSIG: 1, SET_NAME: 15 } as const;

const cPrctl = bind<[number, number, number, number, number], number>(
  "int prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d)",
);

/** prctl(2) with integer arguments; returns the call's result. */
export function prctl(option: number, a = 0, b = 0, c = 0, d = 0): number {
  return check(cPrctl(option, a, b, c, d), "prctl", { attempted: `option ${option}` });
}
