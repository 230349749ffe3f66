/**
 * eBPF from TypeScript: schemas, maps and intrinsics of kernel TypeScript, its compiler, its loader and its simulator.
 * `docs/kernel-typescript.md` is the definition of the language.
 */
export * from "./language.ts";
