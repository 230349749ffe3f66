/** Lowers assignments, `++` and `--`. */
import type * as t from "@babel/types";
import { coerce } from "./coerce.ts";
import type { Context } from "./context.ts";
import { Poisoned } from "./context.ts";
import { inRegister } from "./declaration.ts";
import { mismatch } from "./describe.ts";
import { bare, lower, lowerBinaryValues } from "./expression.ts";
import { memberPlace } from "./member.ts";
import { type Place, placeOf, read, write } from "./memory.ts";
import { packetField } from "./packet.ts";
import { propertyName } from "./property.ts";
import { refusal } from "./refusal.ts";
import type { Variable } from "./scope.ts";

import { constantNumber, constantWide, type Value } from "./value.ts";

/** Something that can be assigned to. */
interface Target {
  read(): Value;
  write(value: Value, node: t.Node): void;
}

export function lowerAssignment(cx: Context, node: t.AssignmentExpression): void {
  const { operator } = node;
  if (operator === "=") {
    const target = targetOf(cx, node.left);
    target.write(lower(cx, node.right), node.right);
    return;
  }
  if (operator === "&&=" || operator === "||=" || operator === "??=") {
    throw cx.error("COMPILE_UNSUPPORTED", `there is no ${operator}: write an if`, node);
  }
  const binary = operator.slice(0, -1) as t.BinaryExpression["operator"];
  const target = targetOf(cx, node.left);
  const combined = lowerBinaryValues(cx, node, binary, target.read(), lower(cx, node.right));
  target.write(combined, node);
}

export function lowerUpdate(cx: Context, node: t.UpdateExpression): void {
  const target = targetOf(cx, node.argument);
  const old = target.read();
  const one = old.kind === "u64" ? constantWide(1n) : constantNumber(1);
  target.write(lowerBinaryValues(cx, node, node.operator === "++" ? "+" : "-", old, one), node);
}

function targetOf(cx: Context, wrapped: t.Node): Target {
  const node = bare(wrapped);
  if (node.type === "Identifier") return variableTarget(cx, node);
  if (node.type === "MemberExpression") return memberTarget(cx, node);
  throw refusal(cx, node);
}

function memberTarget(cx: Context, node: t.MemberExpression): Target {
  const object = lower(cx, node.object);
  if (object.kind === "packet") return packetField(cx, object.reg, propertyName(node), node);
  if (object.kind !== "reference" && object.kind !== "null") {
    throw mismatch(cx, node.object, object, "a reference whose fields can be assigned");
  }
  const place: Place = memberPlace(cx, node, placeOf(cx, object, node.object));
  return { read: () => read(cx, place, node), write: (value, at) => write(cx, place, value, at) };
}

function variableTarget(cx: Context, node: t.Identifier): Target {
  const variable = cx.scopes.find(node.name);
  if (!variable) {
    const known = cx.shared.program.entity(cx.module, node.name);
    throw known
      ? cx.error(
          "COMPILE_ASSIGNMENT",
          `${node.name} belongs to the module, which is constant: keep state in a map`,
          node,
        )
      : cx.error("COMPILE_NAME", `there is no ${node.name} in kernel TypeScript here`, node);
  }
  if (variable.poisoned) throw new Poisoned();
  if (variable.fixed) {
    throw cx.error("COMPILE_LOOP", `${node.name} counts the loop and is changed by its head only`, node);
  }
  if (variable.reg === undefined || !variable.type) {
    throw cx.error("COMPILE_ASSIGNMENT", `${node.name} is a constant: declare it with let`, node);
  }
  return {
    read: () => cx.facts.get(variable) ?? variable.value,
    write: (value, at) => assign(cx, variable, value, at),
  };
}

function assign(cx: Context, variable: Variable, value: Value, node: t.Node): void {
  if (value.kind === "reference" && value.memory === "stack" && value.depth > variable.depth) {
    throw cx.error(
      "COMPILE_STACK",
      `each round of the loop makes this anew in the same place, and ${variable.name} outlives the round: ` +
        "make it before the loop, and copy(target, source) into it",
      node,
    );
  }
  const { reg, type } = variable;
  const src = coerce(cx, value, type!, node, "kept in a variable");
  cx.builder.emit({ op: "move", dst: reg!, src });
  cx.know(variable, inRegister(value, reg!) ?? variable.value);
}
