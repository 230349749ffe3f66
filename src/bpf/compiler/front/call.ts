/** Lowers calls: of kernel functions, intrinsics, methods, and the few functions of JavaScript that are allowed. */
import type * as t from "@babel/types";
import { loweringOf } from "../../intrinsic.ts";
import { coerce } from "./coerce.ts";
import type { Context } from "./context.ts";
import { mismatch } from "./describe.ts";
import { bare, lower } from "./expression.ts";
import { broughtIntoRange } from "./function.ts";
import { lowerHelper } from "./helper.ts";
import { lowerBigInt, lowerMath, lowerNumber } from "./javascript.ts";
import { lowerMapMethod } from "./map-method.ts";
import { lowerHeader } from "./packet.ts";
import type { FunctionSource } from "./program.ts";
import { propertyName } from "./property.ts";
import { refusal } from "./refusal.ts";
import { lowerSpecial } from "./special.ts";
import { type Value, valueOfType } from "./value.ts";

/** The value of a call. With `truncate` a number need only be right modulo 2^32. */
export function lowerCall(cx: Context, node: t.CallExpression, truncate: boolean): Value {
  for (const each of node.arguments) if (each.type === "SpreadElement") throw refusal(cx, each);
  const callee = bare(node.callee);
  if (callee.type === "MemberExpression") return lowerMethod(cx, node, callee, truncate);
  if (callee.type !== "Identifier") {
    throw callee.type === "Import" || callee.type === "Super"
      ? cx.error("COMPILE_UNSUPPORTED", "modules are imported at the top, by import declarations", node)
      : refusal(cx, callee);
  }
  if (isGlobal(cx, callee, "BigInt") || isGlobal(cx, callee, "Number")) {
    return callee.name === "BigInt" ? lowerBigInt(cx, undefined, node) : lowerNumber(cx, node);
  }
  return callValue(cx, lower(cx, callee), node, callee);
}

/** Whether the identifier is this global of JavaScript, not something the module declares. */
function isGlobal(cx: Context, node: t.Node, name: string): boolean {
  return (
    node.type === "Identifier" &&
    node.name === name &&
    !cx.scopes.find(name) &&
    !cx.shared.program.entity(cx.module, name)
  );
}

function lowerMethod(
  cx: Context,
  node: t.CallExpression,
  callee: t.MemberExpression,
  truncate: boolean,
): Value {
  const name = propertyName(callee);
  if (isGlobal(cx, callee.object, "Math")) return lowerMath(cx, name, node, truncate);
  if (isGlobal(cx, callee.object, "BigInt")) return lowerBigInt(cx, name, node);
  if (isGlobal(cx, callee.object, "Number")) return lowerNumber(cx, node, name);
  const object = lower(cx, callee.object);
  if (object.kind === "map") return lowerMapMethod(cx, object, name, node, callee);
  if (object.kind === "packet" && name === "header") return lowerHeader(cx, object.reg, node);
  if (object.kind === "namespace") return callValue(cx, lower(cx, callee), node, callee);
  throw cx.error(
    "COMPILE_FIELD",
    `there is no method ${name ?? "by index"} here: methods are those of maps, and packet.header(S, offset)`,
    callee,
  );
}

function callValue(cx: Context, target: Value, node: t.CallExpression, callee: t.Node): Value {
  if (target.kind === "function") return callFunction(cx, target.source, node);
  const lowering = target.kind === "static" ? loweringOf(target.value) : undefined;
  if (lowering?.kind === "helper") return lowerHelper(cx, lowering, node);
  if (lowering?.kind === "special") return lowerSpecial(cx, lowering.name, node);
  if (target.kind === "static" && typeof target.value === "function") {
    const name = callee.type === "Identifier" ? callee.name : "name";
    throw cx.error(
      "COMPILE_NAME",
      `this JavaScript function has no meaning in the kernel: kernel functions are written as \`export function ${name}(…)\``,
      callee,
    );
  }
  throw mismatch(cx, callee, target, "a kernel function");
}

function callFunction(cx: Context, source: FunctionSource, node: t.CallExpression): Value {
  const { parameters, returns, separate } = cx.shared.signature(source);
  if (node.arguments.length !== parameters.length) {
    throw cx.error(
      "COMPILE_ARGUMENTS",
      `${source.name} takes ${parameters.length} arguments, not ${node.arguments.length}`,
      node,
    );
  }
  const name = cx.shared.require(source, { kind: "direct" }, cx.position(node));
  const args = parameters.map(({ type }, i) => {
    const argument = node.arguments[i]!;
    return coerce(cx, lower(cx, argument), type, argument, "passed");
  });
  if (returns.kind === "void") {
    cx.builder.emit({ op: "call", function: name, args });
    return { kind: "void" };
  }
  const dst = cx.builder.register();
  cx.builder.emit({ op: "call", function: name, dst, args });
  return separate ? broughtIntoRange(cx, returns, dst) : valueOfType(returns, dst);
}
