/** The front end of the compiler: kernel TypeScript to IR. */
import type { IrFunction, IrModule, SourcePosition } from "../../ir.ts";
import { CompileError, joinErrors } from "../errors.ts";
import { type Convention, conventionKey } from "./callback.ts";
import { type ModuleContext, type OptionValues, Poisoned, type Signature } from "./context.ts";
import { lowerFunction, readSignature } from "./function.ts";
import { positionOf } from "./module.ts";
import { type FunctionSource, LoadedProgram } from "./program.ts";
import { type CallEdge, checkRecursion } from "./recursion.ts";
import type { SourceProvider } from "./source.ts";
import { checkStalePackets } from "./stale.ts";

export type { OptionValues } from "./context.ts";
export {
  type FileSourceOptions,
  fileSources,
  moduleUrl,
  type Namespace,
  type SourceProvider,
  sourceOfCompiled,
  textSources,
} from "./source.ts";

/** A function by the module that exports it (an identifier of the source provider) and its name. */
export interface EntryPoint {
  readonly module: string;
  readonly name: string;
}

export interface FrontOptions {
  readonly entry: EntryPoint;
  /** Values of options by name; others have their defaults. */
  readonly options?: OptionValues;
  readonly sources: SourceProvider;
  /** Accept any parameters and results of the entry, not only `(packet: Packet): u32`. For tests. */
  readonly anyEntry?: boolean;
}

/**
 * The IR of an entry function and all that it reaches. Modules are loaded first; the rest is pure.
 * Throws CompileError, which lists everything that was refused.
 */
export async function lowerModule({
  entry,
  options = {},
  sources,
  anyEntry = false,
}: FrontOptions): Promise<IrModule> {
  const loaded = await LoadedProgram.load(sources, entry.module, entry.name);
  return new ModuleLowering(loaded.program, options).run(loaded.entry, anyEntry);
}

interface Wanted {
  readonly source: FunctionSource;
  readonly convention: Convention;
  readonly name: string;
}

class ModuleLowering implements ModuleContext {
  readonly program: LoadedProgram;
  readonly options: OptionValues;
  readonly errors: CompileError[] = [];
  readonly constants: ModuleContext["constants"] = new Map();
  readonly #signatures = new Map<FunctionSource["node"], Signature | undefined>();
  readonly #names = new Map<FunctionSource["node"], Map<string, string>>();
  readonly #taken = new Set<string>();
  readonly #queue: Wanted[] = [];
  readonly #functions = new Map<string, IrFunction>();
  readonly #calls: CallEdge[] = [];
  #current = "";

  constructor(program: LoadedProgram, options: OptionValues) {
    this.program = program;
    this.options = options;
  }

  run(entry: FunctionSource, anyEntry: boolean): IrModule {
    const entryName = this.#name(entry, { kind: "direct" });
    if (!anyEntry) this.#checkEntry(entry);
    for (let next = this.#queue.shift(); next; next = this.#queue.shift()) this.#lower(next, entryName);
    this.errors.push(...checkRecursion(this.#calls));
    if (this.errors.length === 0) {
      const module = reachable(entryName, this.#functions);
      this.errors.push(...checkStalePackets(module));
      if (this.errors.length === 0) return module;
    }
    throw joinErrors(this.errors);
  }

  require(source: FunctionSource, convention: Convention, at: SourcePosition): string {
    const name = this.#name(source, convention);
    this.#calls.push({ from: this.#current, to: name, at });
    return name;
  }

  signature(source: FunctionSource): Signature {
    const known = this.#signatures.get(source.node);
    if (known) return known;
    if (this.#signatures.has(source.node)) throw new Poisoned();
    this.#signatures.set(source.node, undefined);
    const signature = readSignature(this.program, source);
    this.#signatures.set(source.node, signature);
    return signature;
  }

  #lower({ source, convention, name }: Wanted, entryName: string): void {
    this.#current = name;
    try {
      const lowered = lowerFunction(this, source, convention, name, name === entryName);
      this.#functions.set(name, lowered);
    } catch (error) {
      if (error instanceof CompileError) this.errors.push(error);
      else if (!(error instanceof Poisoned)) throw error;
    }
  }

  /** A name that no other function has; the function is lowered later. */
  #name(source: FunctionSource, convention: Convention): string {
    const variants = this.#names.get(source.node) ?? new Map<string, string>();
    this.#names.set(source.node, variants);
    const key = conventionKey(convention);
    const known = variants.get(key);
    if (known !== undefined) return known;
    let name = source.name;
    for (let i = 2; this.#taken.has(name); i++) name = `${source.name}_${i}`;
    this.#taken.add(name);
    variants.set(key, name);
    this.#queue.push({ source, convention, name });
    return name;
  }

  #checkEntry(entry: FunctionSource): void {
    const at = positionOf(entry.module, entry.node);
    try {
      const { parameters, returns } = this.signature(entry);
      const takesPacket = parameters.length === 1 && parameters[0]!.type.kind === "packet";
      if (takesPacket && returns.kind === "number") return;
      this.errors.push(
        new CompileError("COMPILE_ARGUMENTS", `the entry is ${entry.name}(packet: Packet): u32`, at),
      );
    } catch (error) {
      if (error instanceof CompileError) this.errors.push(error);
      else throw error;
    }
  }
}

/** The functions that the entry still reaches once dead code is gone. */
function reachable(entry: string, functions: ReadonlyMap<string, IrFunction>): IrModule {
  const kept = new Map<string, IrFunction>();
  const pending = [entry];
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    if (kept.has(name)) continue;
    const lowered = functions.get(name)!;
    kept.set(name, lowered);
    for (const block of lowered.blocks) {
      for (const each of block.instructions) {
        if (each.op === "call" || each.op === "functionAddress") pending.push(each.function);
      }
    }
  }
  return { entry, functions: kept };
}
