/** Constants of a module that are not exported: known by evaluating their initialiser. */
import type * as t from "@babel/types";
import { CompileError } from "../errors.ts";
import { Context, type ModuleContext } from "./context.ts";
import { bare, lower } from "./expression.ts";
import { type KernelModule, positionOf } from "./module.ts";
import { knownBoolean, knownNumber, knownWide, type Value } from "./value.ts";

const BUSY: Value = { kind: "void" };

/** The value of `const name = initialiser`; a CompileError if it takes more than literals and operators. */
export function evaluateConstant(
  shared: ModuleContext,
  module: KernelModule,
  node: t.VariableDeclarator,
): Value {
  const cached = shared.constants.get(node);
  if (cached && cached !== BUSY) return cached;
  const name = node.id.type === "Identifier" ? node.id.name : "it";
  const initialiser = node.init && bare(node.init);
  const value = cached || !initialiser ? undefined : evaluated(shared, module, node, initialiser);
  if (!value) {
    const [code, reason] =
      initialiser?.type === "ArrayExpression"
        ? ([
            "COMPILE_CONSTANT",
            `a list cannot be used in kernel functions: export const ${name} = constants("${name}", u32, […])`,
          ] as const)
        : initialiser?.type === "ArrowFunctionExpression" || initialiser?.type === "FunctionExpression"
          ? (["COMPILE_CLOSURE", `kernel functions are declarations: export function ${name}(…)`] as const)
          : ([
              "COMPILE_CONSTANT",
              `the value of ${name} is not known: export it (export const ${name} = …)`,
            ] as const);
    throw new CompileError(code, reason, positionOf(module, node));
  }
  shared.constants.set(node, value);
  return value;
}

function evaluated(
  shared: ModuleContext,
  module: KernelModule,
  node: t.VariableDeclarator,
  initialiser: t.Node,
): Value | undefined {
  shared.constants.set(node, BUSY);
  try {
    const value = lower(new Context(shared, module, initialiser), initialiser);
    const known = knownNumber(value) ?? knownWide(value) ?? knownBoolean(value);
    return known === undefined ? undefined : value;
  } catch (error) {
    if (error instanceof CompileError) return undefined;
    throw error;
  } finally {
    shared.constants.delete(node);
  }
}
