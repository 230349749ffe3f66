/** All that is at hand while one function is lowered. */
import type * as t from "@babel/types";
import type { Reg, SourcePosition } from "../../ir.ts";
import { CompileError, type CompileErrorCode } from "../errors.ts";
import { FunctionBuilder } from "./builder.ts";
import type { Convention } from "./callback.ts";
import { type KernelModule, positionOf } from "./module.ts";
import type { FunctionSource, LoadedProgram } from "./program.ts";
import { type Facts, Scopes, type Variable } from "./scope.ts";
import type { Type } from "./type.ts";
import type { Value } from "./value.ts";

/** Values of options by name, as given at compile time. */
export type OptionValues = Readonly<Record<string, number | boolean>>;

/** What functions share while a module is lowered. */
export interface ModuleContext {
  readonly program: LoadedProgram;
  readonly options: OptionValues;
  readonly errors: CompileError[];
  /** Values of constants that are not exported, by initialiser. */
  readonly constants: Map<t.Node, Value>;
  /** The name under which the function will be in the IR, lowered for this way of being called from this place. */
  require(source: FunctionSource, convention: Convention, at: SourcePosition): string;
  /** Parameter and return types of a function. Throws CompileError. */
  signature(source: FunctionSource): Signature;
}

export interface Signature {
  readonly parameters: readonly { readonly name: string; readonly type: Type }[];
  readonly returns: Type;
  /** Checked by the verifier by itself (`@separate`). */
  readonly separate: boolean;
  /** Inlined wherever it is called (`@inline`). */
  readonly inline: boolean;
}

/** Where `break` and `continue` go. */
export interface JumpTarget {
  readonly kind: "loop" | "switch";
  readonly breakLabel: number;
  readonly continueLabel: number;
  /** What is known at each `break`. */
  readonly breaks: Facts[];
}

/** Something was used whose error has been reported already. */
export class Poisoned extends Error {}

export class Context {
  readonly shared: ModuleContext;
  readonly module: KernelModule;
  readonly builder: FunctionBuilder;
  readonly scopes = new Scopes();
  readonly targets: JumpTarget[] = [];
  /** Registers that are assigned more than once: a constant bound to one is a copy. */
  readonly mutableRegisters = new Set<Reg>();
  /** Slots for keys and values that are numbers, by purpose. */
  readonly scratch = new Map<string, number>();
  returns: Type = { kind: "void" };
  convention: Convention = { kind: "direct" };
  facts: Facts = new Map();
  /** Variables of which too little is known since a condition about them was refused: uses of them are no further errors. */
  readonly silenced = new Set<Variable>();
  loopDepth = 0;

  constructor(shared: ModuleContext, module: KernelModule, node: t.Node) {
    this.shared = shared;
    this.module = module;
    this.builder = new FunctionBuilder(positionOf(module, node));
  }

  position(node: t.Node): SourcePosition {
    return positionOf(this.module, node);
  }

  error(code: CompileErrorCode, reason: string, node: t.Node): CompileError {
    return new CompileError(code, reason, this.position(node));
  }

  /** Runs `body`; what it refuses is noted, and lowering goes on behind it. */
  attempt(body: () => void): boolean {
    try {
      body();
      return true;
    } catch (error) {
      if (error instanceof CompileError) this.shared.errors.push(error);
      else if (!(error instanceof Poisoned)) throw error;
      return false;
    }
  }

  know(variable: Variable, value: Value): void {
    const next = new Map(this.facts);
    next.set(variable, value);
    this.facts = next;
  }

  /** Lets go of what is known about variables of these names: something assigns to them. */
  forget(names: Iterable<string>): void {
    const next = new Map(this.facts);
    for (const name of names) {
      const variable = this.scopes.find(name);
      if (variable) next.delete(variable);
    }
    this.facts = next;
  }
}
