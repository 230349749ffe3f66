/** What names stand for: variables, constants, options, maps, functions. */
import type * as t from "@babel/types";
import { isMap } from "../../maps/index.ts";
import { isOption } from "../../option.ts";
import { evaluateConstant } from "./constant.ts";
import { type Context, Poisoned } from "./context.ts";
import type { Variable } from "./scope.ts";
import { constantBoolean, constantNumber, constantWide, knownNumber, type Value } from "./value.ts";

/** The value of an identifier. */
export function lowerName(cx: Context, node: t.Identifier): Value {
  const variable = cx.scopes.find(node.name);
  if (variable) return readVariable(cx, variable);
  return lookUp(cx, node.name, node);
}

/** What a local name stands for here. */
export function readVariable(cx: Context, variable: Variable): Value {
  if (variable.poisoned || cx.silenced.has(variable)) throw new Poisoned();
  const value = cx.facts.get(variable) ?? variable.value;
  const known = knownNumber(value);
  return known === undefined ? value : constantNumber(known);
}

/** What a name stands for that is not local. */
function lookUp(cx: Context, name: string, node: t.Node): Value {
  const entity = cx.shared.program.entity(cx.module, name);
  switch (entity?.kind) {
    case "function":
      return { kind: "function", source: entity.source };
    case "namespace":
      return { kind: "namespace", id: entity.id };
    case "value":
      return evaluatedValue(cx, entity.value, name, node);
    case "initialiser":
      return evaluateConstant(cx.shared, entity.module, entity.node);
    case "mutable":
      throw cx.error(
        "COMPILE_CONSTANT",
        `${name} is a variable of the module, which has no place in the kernel: keep state in a map, or make it a const`,
        node,
      );
    case "javascript":
      throw cx.error(
        "COMPILE_NAME",
        `${name} is a JavaScript function: kernel functions are written as \`export function ${name}(…)\` in a module whose source can be read`,
        node,
      );
    default:
      throw cx.error("COMPILE_NAME", `there is no ${name} in kernel TypeScript here`, node);
  }
}

/** A value of the evaluated module as a value of the program. */
export function evaluatedValue(cx: Context, value: unknown, name: string, node: t.Node): Value {
  if (typeof value === "bigint") return constantWide(value);
  if (typeof value === "boolean") return constantBoolean(value);
  if (typeof value === "string") return { kind: "text", text: value };
  if (value === null) return { kind: "null" };
  if (typeof value === "number") {
    if (Number.isSafeInteger(value)) return constantNumber(value);
    throw cx.error("COMPILE_CONSTANT", `${name} is ${value}, and numbers are integers below 2⁵³`, node);
  }
  if (isMap(value)) return { kind: "map", definition: value, nullable: false };
  return { kind: "static", value };
}

/** The constant that an option is in this program. */
export function optionValue(cx: Context, option: unknown, node: t.Node): Value | undefined {
  if (!isOption(option)) return undefined;
  const value = cx.shared.options[option.name] ?? option.default;
  if (typeof value !== typeof option.default) {
    throw cx.error(
      "COMPILE_CONSTANT",
      `option ${option.name} is a ${typeof option.default}, and ${value} was given`,
      node,
    );
  }
  return typeof value === "boolean" ? constantBoolean(value) : constantNumber(value);
}
