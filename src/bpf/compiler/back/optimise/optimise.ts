/** The order of the passes. */
import { cleanControlFlow } from "../clean.ts";
import { fromSsa } from "../destruct.ts";
import type { Graph } from "../graph.ts";
import { skipStretches } from "../skip.ts";
import { toSsa } from "../ssa.ts";
import { threadJumps } from "../thread.ts";
import { clarifyBounds } from "./clarify.ts";
import { propagateConstants } from "./constants.ts";
import { removeDeadCode } from "./dead.ts";
import { reuseLoads } from "./loads.ts";
import { swapMasks } from "./masks.ts";
import { numberValues } from "./number.ts";
import { promoteSlots } from "./promote.ts";
import { simplify } from "./simplify.ts";
import { slotConflicts } from "./slots.ts";
import { removeDeadStores } from "./stores.ts";

/** Rounds through SSA form and back. The second sees what threading made of the first's results. */
const ROUNDS = 3;

/** For tests: called after each pass. */
export const trace: { after?: (pass: string, graph: Graph) => void } = {};

export interface OptimiseOptions {
  /** The function is the program's entry: only the kernel sees its result. */
  readonly isEntry: boolean;
}

/** Optimises a function in place; before and after it is out of SSA form. */
export function optimise(graph: Graph, { isEntry }: OptimiseOptions): void {
  const clarify = (each: Graph) => clarifyBounds(each, { returnMatters: !isEntry });
  for (let round = 0; round < ROUNDS; round++) {
    run(graph, threadJumps, cleanControlFlow, skipStretches, cleanControlFlow, toSsa);
    for (let inner = 0; inner < 2; inner++)
      run(graph, propagateConstants, simplify, numberValues, promoteSlots, reuseLoads, removeDeadCode);
    run(graph, swapMasks, removeDeadStores, removeDeadCode);
    if (round === ROUNDS - 1) {
      run(graph, clarify);
      graph.slotConflicts = slotConflicts(graph);
    }
    run(graph, fromSsa, cleanControlFlow);
  }
}

function run(graph: Graph, ...passes: readonly ((graph: Graph) => unknown)[]): void {
  for (const pass of passes) {
    pass(graph);
    trace.after?.(pass.name, graph);
  }
}
