/** The modules that an entry function reaches, loaded, and what the names in them stand for. */
import type * as t from "@babel/types";
import { loweringOf } from "../../intrinsic.ts";
import { CompileError } from "../errors.ts";
import { type FunctionNode, type KernelModule, parseModule, positionOf } from "./module.ts";
import type { Namespace, SourceProvider } from "./source.ts";
import { NAMED_TYPES } from "./type.ts";
import { referencedNames } from "./walk.ts";

/** A kernel function: its declaration and the module whose names it uses. */
export interface FunctionSource {
  readonly name: string;
  readonly module: KernelModule;
  readonly node: FunctionNode;
}

export type Entity =
  | { readonly kind: "function"; readonly source: FunctionSource }
  | { readonly kind: "value"; readonly value: unknown }
  | { readonly kind: "namespace"; readonly id: string }
  /** A constant that is not exported: known by its initialiser. */
  | { readonly kind: "initialiser"; readonly module: KernelModule; readonly node: t.VariableDeclarator }
  | { readonly kind: "mutable" }
  | { readonly kind: "javascript"; readonly name: string };

/** All that lowering needs to look up; nothing here waits or reads files any more. */
export class LoadedProgram {
  readonly #modules = new Map<string, KernelModule>();
  readonly #namespaces = new Map<string, Namespace>();
  readonly #provider: SourceProvider;

  private constructor(provider: SourceProvider) {
    this.#provider = provider;
  }

  /** Loads the module of the entry and, from function to function, all modules whose functions it uses. */
  static async load(
    provider: SourceProvider,
    module: string,
    name: string,
  ): Promise<{
    program: LoadedProgram;
    entry: FunctionSource;
  }> {
    const program = new LoadedProgram(provider);
    const entry = await program.#loadExport(module, name, new Set());
    if (!entry) {
      const file = program.#modules.get(module)?.file ?? module;
      throw new CompileError("COMPILE_NAME", `${file} exports no function ${name}`, {
        file,
        line: 1,
        column: 1,
        text: program.#modules.get(module)?.lines[0] ?? "",
      });
    }
    await program.#follow(entry);
    return { program, entry };
  }

  /** What a top-level name of `module` stands for, or undefined. */
  entity(module: KernelModule, name: string): Entity | undefined {
    const binding = module.bindings.get(name);
    switch (binding?.kind) {
      case undefined:
        return undefined;
      case "function":
        return { kind: "function", source: { name, module, node: binding.node } };
      case "mutable":
        return { kind: "mutable" };
      case "const":
        return binding.exported && name in module.namespace
          ? { kind: "value", value: module.namespace[name] }
          : { kind: "initialiser", module, node: binding.node };
      case "import":
        return binding.name === undefined
          ? { kind: "namespace", id: binding.from }
          : this.exported(binding.from, binding.name);
    }
  }

  /** What module `id` exports as `name`. */
  exported(id: string, name: string): Entity | undefined {
    const namespace = this.#namespaces.get(id);
    if (!namespace || !(name in namespace)) return undefined;
    const value = namespace[name];
    if (typeof value !== "function" || loweringOf(value)) return { kind: "value", value };
    const source = this.#declaration(id, name, new Set());
    return source ? { kind: "function", source } : { kind: "javascript", name };
  }

  /** The type alias that `name` means in `module`, with the module in which to read it. */
  typeAlias(
    module: KernelModule,
    name: string,
  ): { readonly module: KernelModule; readonly node: t.TSTypeAliasDeclaration } | undefined {
    const node = module.types.get(name);
    if (node) return { module, node };
    const binding = module.bindings.get(name);
    if (binding?.kind !== "import" || binding.name === undefined) return undefined;
    const from = this.#modules.get(binding.from);
    return from && this.typeAlias(from, from.exports.get(binding.name) ?? binding.name);
  }

  #declaration(id: string, name: string, seen: Set<string>): FunctionSource | undefined {
    const module = this.#modules.get(id);
    if (!module || seen.has(`${id} ${name}`)) return undefined;
    seen.add(`${id} ${name}`);
    const local = module.exports.get(name);
    const binding = local === undefined ? undefined : module.bindings.get(local);
    if (binding?.kind === "function") return { name: local!, module, node: binding.node };
    if (binding?.kind === "import" && binding.name !== undefined) {
      return this.#declaration(binding.from, binding.name, seen);
    }
    for (const each of module.reExports) {
      if (each.exported !== undefined && each.exported !== name) continue;
      const found = this.#declaration(each.from, each.exported === undefined ? name : each.name, seen);
      if (found) return found;
    }
    return undefined;
  }

  async #follow(entry: FunctionSource): Promise<void> {
    const seen = new Set<FunctionNode>([entry.node]);
    const queue = [entry];
    const add = (source: FunctionSource | undefined): void => {
      if (!source || seen.has(source.node)) return;
      seen.add(source.node);
      queue.push(source);
    };
    for (let current = queue.pop(); current; current = queue.pop()) {
      const { module, node } = current;
      for (const { name, isType } of referencedNames(node)) {
        const binding = module.bindings.get(name);
        if (binding?.kind === "function" && !isType) {
          add({ name, module, node: binding.node });
        } else if (binding?.kind === "import") {
          const namespace = await this.#loadNamespace(binding.from);
          if (binding.name === undefined) continue;
          const value = namespace[binding.name];
          if (isType && !(binding.name in namespace) && !(name in NAMED_TYPES))
            await this.#tryLoad(binding.from);
          if (isType || typeof value !== "function" || loweringOf(value)) continue;
          if (await this.#tryLoad(binding.from))
            add(await this.#loadExport(binding.from, binding.name, new Set()));
        }
      }
    }
  }

  /** Whether a module has source text; if not, whatever uses it will be refused with its place. */
  async #tryLoad(id: string): Promise<boolean> {
    try {
      await this.#loadModule(id);
      return true;
    } catch (error) {
      if (error instanceof CompileError) throw error;
      return false;
    }
  }

  async #loadExport(id: string, name: string, seen: Set<string>): Promise<FunctionSource | undefined> {
    if (seen.has(id)) return undefined;
    seen.add(id);
    const module = await this.#loadModule(id);
    const found = this.#declaration(id, name, new Set());
    if (found) return found;
    const local = module.exports.get(name);
    const binding = local === undefined ? undefined : module.bindings.get(local);
    if (binding?.kind === "import" && binding.name !== undefined) {
      return this.#loadExport(binding.from, binding.name, seen);
    }
    for (const each of module.reExports) {
      if (each.exported !== undefined && each.exported !== name) continue;
      const wanted = each.exported === undefined ? name : each.name;
      if (!(wanted in (await this.#loadNamespace(each.from)))) continue;
      const source = await this.#loadExport(each.from, wanted, seen);
      if (source) return source;
    }
    return undefined;
  }

  async #loadNamespace(id: string): Promise<Namespace> {
    const known = this.#namespaces.get(id);
    if (known) return known;
    const namespace = await this.#provider.namespace(id);
    this.#namespaces.set(id, namespace);
    return namespace;
  }

  async #loadModule(id: string): Promise<KernelModule> {
    const known = this.#modules.get(id);
    if (known) return known;
    const namespace = await this.#loadNamespace(id);
    const module = parseModule({ id, ...this.#provider.source(id) }, namespace, (specifier) =>
      this.#provider.resolve(specifier, id),
    );
    this.#modules.set(id, module);
    return module;
  }
}

export { positionOf };
