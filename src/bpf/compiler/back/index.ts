/**
 * The back end of the compiler: IR in, eBPF out. Its errors are exported by `./errors.ts`.
 *
 *     IrModule ── inline.ts ──> Graph, one for each function that stays
 *       optimise/   three rounds: paths are shortened (thread.ts, skip.ts), then in SSA form (ssa.ts) constants,
 *                   algebra, value numbering, structs on the stack to registers, loads, stores, dead code;
 *                   at last the verifier is told the bounds it cannot follow (clarify.ts)
 *       select.ts   eBPF instructions over virtual registers (machine.ts)
 *       allocate/   graph colouring with coalescing; what does not fit goes to the stack
 *       layout.ts, emit.ts   blocks in order, labels, assembler instructions
 *
 * Guarantees towards the verifier of Linux 6.1 and later: addresses are only moved by constants and by numbers whose
 * bounds it knows; a checked value is used, never computed again; loads stay behind their checks; helpers are given
 * stack memory as initialised as the front end left it.
 */
export { type GenerateOptions, generate, type ProgramOptions } from "./generate.ts";
export { printFunction, printInstruction, printModule, printTerminator } from "./print.ts";
