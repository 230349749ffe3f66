/** The back end of the compiler: IR in, eBPF out. Its errors are exported by `./errors.ts`. */
export { type GenerateOptions, generate, type ProgramOptions } from "./generate.ts";
export { printFunction, printInstruction, printModule, printTerminator } from "./print.ts";
