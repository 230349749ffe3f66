/** From kernel TypeScript to a program that can be loaded. */
import type { CompiledProgram } from "../program.ts";
import { generate } from "./back/index.ts";
import {
  type EntryPoint,
  fileSources,
  lowerModule,
  type OptionValues,
  type SourceProvider,
} from "./front/index.ts";

export interface CompileOptions {
  /** The entry: a module, for file sources the URL of its JavaScript, and a function that it exports. */
  readonly entry: EntryPoint;
  /** Values of options by name; others have their defaults. */
  readonly options?: OptionValues;
  /** The name of the program: at most 15 characters of [A-Za-z0-9_]. */
  readonly name: string;
  readonly type: CompiledProgram["type"];
  /** As the kernel judges it: some helpers need one that is compatible with the GPL, such as "Dual MIT/GPL". */
  readonly license: string;
  /** Where modules come from. Default: files, the TypeScript source found by source map. */
  readonly sources?: SourceProvider;
}

/**
 * Compiles an entry function and all it reaches. Plain data comes back, which can be kept and loaded later.
 * Throws CompileError (the source is not kernel TypeScript; `errors` lists all of it), BackEndError and StackLimitError
 * (the program needs more than a kernel gives).
 */
export async function compile(options: CompileOptions): Promise<CompiledProgram> {
  const { entry, name, type, license, sources = fileSources() } = options;
  const module = await lowerModule({ entry, sources, options: options.options ?? {} });
  return generate(module, { name, type, license });
}
