/** The compiler of kernel TypeScript. `docs/kernel-typescript.md` defines the language. */
export * from "./back/errors.ts";
export { type CompileOptions, compile } from "./compile.ts";
export { CompileError, type CompileErrorCode, type CompileNote, renderPlace } from "./errors.ts";
export {
  type EntryPoint,
  type FileSourceOptions,
  fileSources,
  moduleUrl,
  type OptionValues,
  type SourceProvider,
  sourceOfCompiled,
  textSources,
} from "./front/index.ts";
