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

export interface OptimiseOptions {
  /** The function is the program's entry: only the kernel sees its result. */
  readonly isEntry: boolean;
  /** Called after each pass, with its name. */
  readonly observe?: (pass: string, graph: Graph) => void;
}

type Pass = (graph: Graph) => unknown;

/** Before SSA form: paths are shortened, which makes values known that were joined before. */
const PATHS: readonly Pass[] = [threadJumps, cleanControlFlow, skipStretches, cleanControlFlow];
/** In SSA form, each run twice: every pass makes work for those before it. */
const VALUES: readonly Pass[] = [
  propagateConstants,
  simplify,
  numberValues,
  promoteSlots,
  reuseLoads,
  removeDeadCode,
];
const LAST: readonly Pass[] = [swapMasks, removeDeadStores, removeDeadCode];

/** Optimises a function in place; before and after it is out of SSA form. */
export function optimise(graph: Graph, { isEntry, observe }: OptimiseOptions): void {
  const run = (...passes: readonly Pass[]) => {
    for (const pass of passes) {
      pass(graph);
      observe?.(pass.name, graph);
    }
  };
  const clarify = (each: Graph) => clarifyBounds(each, { returnMatters: !isEntry });
  const noteConflicts = (each: Graph) => {
    each.slotConflicts = slotConflicts(each);
  };
  for (let round = 0; round < ROUNDS; round++) {
    run(...PATHS, toSsa, ...VALUES, ...VALUES, ...LAST);
    if (round === ROUNDS - 1) run(clarify, noteConflicts);
    run(fromSsa, cleanControlFlow);
  }
}
