import { arrayMap, type Infer, option, struct, u32 } from "../../../../index.ts";

export const Shape = struct("Shape", { sides: u32, area: u32 });
export type Shape = Infer<typeof Shape>;
export const shapes = arrayMap("shapes", { value: Shape, entries: 4 });
export const most = option("most", 3);
/** A type without a value of its name. */
export type Sides = u32;
/** Computed by JavaScript: only the value counts. */
export const PRIMES = [2, 3, 5, 7].filter((each) => each > 2);
export const LIMITS = { sides: 100 };
