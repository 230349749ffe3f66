/** Lowers `const` and `let`. */
import type * as t from "@babel/types";
import { readType } from "./annotation.ts";
import { coerce } from "./coerce.ts";
import type { Context } from "./context.ts";
import { mismatch } from "./describe.ts";
import { lower } from "./expression.ts";
import { refusal } from "./refusal.ts";
import { type Type, widened } from "./type.ts";
import { type Value, valueOfType } from "./value.ts";
import { wrapped } from "./wide.ts";

export function lowerDeclaration(cx: Context, node: t.VariableDeclaration): void {
  if (node.kind === "var")
    throw cx.error("COMPILE_VAR", "write const or let: var is visible outside its block", node);
  for (const each of node.declarations) {
    const ok = cx.attempt(() => declare(cx, node, each));
    if (!ok && each.id.type === "Identifier") {
      const value: Value = { kind: "void" };
      cx.scopes.declare({ name: each.id.name, type: undefined, value, depth: cx.loopDepth, poisoned: true });
    }
  }
}

function declare(cx: Context, declaration: t.VariableDeclaration, node: t.VariableDeclarator): void {
  const { id } = node;
  if (id.type !== "Identifier") throw refusal(cx, id);
  if (!node.init) {
    throw cx.error("COMPILE_ASSIGNMENT", `${id.name} needs a first value: let ${id.name} = 0`, node);
  }
  const annotation =
    id.typeAnnotation?.type === "TSTypeAnnotation" ? id.typeAnnotation.typeAnnotation : undefined;
  const type = annotation && readType(cx.shared.program, cx.module, annotation);
  const value = lower(cx, node.init);
  if (declaration.kind === "const") declareConstant(cx, id.name, value, type, node.init);
  else declareVariable(cx, id.name, value, type ?? variableType(cx, value, node.init), node.init);
}

/** A name for a value. A value that lives in a register that is assigned again is copied. */
function declareConstant(
  cx: Context,
  name: string,
  value: Value,
  type: Type | undefined,
  node: t.Node,
): void {
  if (value.kind === "void" || value.kind === "text") throw mismatch(cx, node, value, "a value");
  if (type) coerce(cx, value, type, node, "given a type");
  const kept =
    value.kind === "null" && type?.kind === "reference"
      ? valueOfType(type, cx.builder.moved({ value: 0n }, name))
      : settled(cx, name, value);
  cx.scopes.declare({ name, type, value: kept, depth: cx.loopDepth });
}

function settled(cx: Context, name: string, value: Value): Value {
  const { builder, mutableRegisters } = cx;
  if (value.kind === "number" || value.kind === "u64" || value.kind === "boolean") {
    if (!("reg" in value.operand)) return value;
    if (mutableRegisters.has(value.operand.reg)) {
      return { ...value, operand: { reg: builder.moved(value.operand, name) } };
    }
    if (!builder.names.has(value.operand.reg)) builder.names.set(value.operand.reg, name);
    return value;
  }
  if (value.kind === "reference") {
    if (mutableRegisters.has(value.base)) return { ...value, base: builder.moved({ reg: value.base }, name) };
    if (value.offset === 0) builder.names.set(value.base, name);
  }
  return value;
}

/** The type that a `let` takes from its first value. */
function variableType(cx: Context, value: Value, node: t.Node): Type {
  switch (value.kind) {
    case "number":
      return { kind: "number", ...widened(value) };
    case "u64":
      wrapped(cx, value, node, "kept in a variable");
      return { kind: "u64" };
    case "boolean":
      return { kind: "boolean" };
    case "reference":
      return { kind: "reference", schema: value.schema, nullable: value.nullable };
    case "null":
      throw cx.error(
        "COMPILE_ANNOTATION",
        "a variable that begins as null needs its type: let x: S | null = null",
        node,
      );
    default:
      throw mismatch(cx, node, value, "a number, a u64, a boolean or a reference");
  }
}

/** A register that assignments write to. */
export function declareVariable(cx: Context, name: string, value: Value, type: Type, node: t.Node): void {
  const src = coerce(cx, value, type, node, "kept in a variable");
  const reg = cx.builder.moved(src, name);
  cx.mutableRegisters.add(reg);
  const variable = { name, type, value: valueOfType(type, reg), reg, depth: cx.loopDepth };
  cx.scopes.declare(variable);
  cx.know(variable, inRegister(value, reg) ?? variable.value);
}

/** What is known of a variable after `value` was assigned to it. */
export function inRegister(value: Value, reg: number): Value | undefined {
  switch (value.kind) {
    case "number": {
      const { raw: _raw, ...rest } = value;
      return { ...rest, operand: { reg } };
    }
    case "u64": {
      const { raw: _raw, ...rest } = value;
      return { ...rest, operand: { reg } };
    }
    case "reference":
      return {
        ...value,
        base: reg,
        offset: 0,
        align: value.offset % 8 === 0 ? value.align : value.schema.align,
      };
    default:
      return undefined;
  }
}
