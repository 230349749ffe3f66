import { intrinsic } from "../intrinsic.ts";
import { runningMachine } from "../simulator/current.ts";
import { special } from "./lower.ts";

/**
 * Tells whoever watches a simulated machine (`MachineOptions.trace`) what the code goes by: `what` names the fact, the values are
 * its numbers. It is not compiled: a program in the kernel neither computes the values nor does anything else here, so they must
 * have no effects of their own.
 */
export const trace = intrinsic(
  special("trace"),
  (what: string, ...values: readonly (number | bigint | boolean)[]): void => {
    runningMachine()?.trace?.(what, values.map(Number));
  },
);
