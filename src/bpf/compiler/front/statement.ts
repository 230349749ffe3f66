/** Lowers statements. */
import type * as t from "@babel/types";
import { readType } from "./annotation.ts";
import { lowerAssignment, lowerUpdate } from "./assignment.ts";
import { coerce } from "./coerce.ts";
import { lowerCondition, type Outcome } from "./condition.ts";
import type { Context } from "./context.ts";
import { bare, lower, mismatch } from "./expression.ts";
import { lowerFor } from "./loop.ts";
import { proven } from "./number.ts";
import { refusal } from "./refusal.ts";
import { type Facts, joinFacts } from "./scope.ts";
import { lowerSwitch } from "./switch.ts";
import { type Type, widened } from "./type.ts";
import { type Value, valueOfType } from "./value.ts";
import { assignedNames, referencedNames } from "./walk.ts";
import { wrapped } from "./wide.ts";

/** Lowers statements one after the other, up to the first that cannot be reached. */
export function lowerStatements(cx: Context, nodes: readonly t.Statement[]): void {
  for (const node of nodes) {
    if (!cx.builder.reachable) return;
    const before = cx.facts;
    if (cx.attempt(() => lowerStatement(cx, node))) continue;
    // Go on behind it, to find what else is refused.
    if (!cx.builder.reachable) cx.builder.start(cx.builder.label());
    cx.facts = before;
    cx.forget(assignedNames(node));
  }
}

/** A block, or a single statement, with a scope of its own. */
export function lowerBlock(cx: Context, node: t.Statement): void {
  cx.scopes.nested(() => lowerStatements(cx, node.type === "BlockStatement" ? node.body : [node]));
}

function lowerStatement(cx: Context, node: t.Statement): void {
  cx.builder.at = cx.position(node);
  switch (node.type) {
    case "BlockStatement":
      lowerBlock(cx, node);
      break;
    case "EmptyStatement":
      break;
    case "VariableDeclaration":
      lowerDeclaration(cx, node);
      break;
    case "ExpressionStatement":
      lowerExpressionStatement(cx, node);
      break;
    case "IfStatement":
      lowerIf(cx, node);
      break;
    case "ForStatement":
      lowerFor(cx, node);
      break;
    case "SwitchStatement":
      lowerSwitch(cx, node);
      break;
    case "ReturnStatement":
      lowerReturn(cx, node);
      break;
    case "BreakStatement":
    case "ContinueStatement":
      lowerJump(cx, node);
      break;
    default:
      throw refusal(cx, node);
  }
}

function lowerExpressionStatement(cx: Context, node: t.ExpressionStatement): void {
  const expression = bare(node.expression);
  switch (expression.type) {
    case "AssignmentExpression":
      lowerAssignment(cx, expression);
      break;
    case "UpdateExpression":
      lowerUpdate(cx, expression);
      break;
    case "CallExpression":
      lower(cx, expression);
      break;
    case "Identifier":
    case "MemberExpression":
    case "BinaryExpression":
    case "LogicalExpression":
    case "ConditionalExpression":
      throw cx.error(
        "COMPILE_UNSUPPORTED",
        "this computes a value that nothing uses: write if, or assign it",
        node,
      );
    default:
      throw refusal(cx, expression);
  }
}

function lowerDeclaration(cx: Context, node: t.VariableDeclaration): void {
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

function lowerIf(cx: Context, node: t.IfStatement): void {
  const { builder } = cx;
  const [then, otherwise, done] = [builder.label(), builder.label(), builder.label()];
  const { whenTrue, whenFalse } = testOf(cx, node.test, then, otherwise);
  const ends: Facts[] = [];
  const side = (label: number, facts: Facts | null, body: t.Statement | null | undefined): void => {
    if (!facts) return;
    builder.start(label);
    cx.facts = facts;
    if (body) lowerBlock(cx, body);
    if (!builder.reachable) return;
    ends.push(cx.facts);
    builder.jump(done);
  };
  side(then, whenTrue, node.consequent);
  side(otherwise, whenFalse, node.alternate);
  if (ends.length === 0) return;
  builder.start(done);
  cx.facts = ends.reduce(joinFacts);
}

/** The condition of an `if`; where it is refused, what it would have proved is not asked for any more. */
function testOf(cx: Context, test: t.Expression, then: number, otherwise: number): Outcome {
  try {
    return lowerCondition(cx, test, then, otherwise);
  } catch (error) {
    for (const { name } of referencedNames(test)) {
      const variable = cx.scopes.find(name);
      if (variable) cx.silenced.add(variable);
    }
    throw error;
  }
}

function lowerReturn(cx: Context, node: t.ReturnStatement): void {
  const { returns, convention, builder } = cx;
  if (returns.kind === "void") {
    if (node.argument)
      throw cx.error("COMPILE_RETURN", "the function is declared void and returns a value", node);
    leaveVoid(cx);
    return;
  }
  if (!node.argument) throw cx.error("COMPILE_RETURN", "the function must return a value", node);
  let value = lower(cx, node.argument);
  if (value.kind === "reference" && value.memory === "stack") {
    throw cx.error(
      "COMPILE_STACK",
      "this refers to the stack of the function, which ends here: let the caller make it and pass it in",
      node.argument,
    );
  }
  if (convention.kind === "callback") {
    if (value.kind !== "number" || value.low < 0 || value.high > 1) {
      throw cx.error("COMPILE_CALLBACK", "a callback returns 0 (go on) or 1 (stop)", node.argument);
    }
    value = proven(cx, value);
  }
  builder.leave(coerce(cx, value, returns, node.argument, "returned"));
}

/** The end of a function that returns nothing; the kernel expects 0 of its callbacks. */
export function leaveVoid(cx: Context): void {
  cx.builder.leave(cx.convention.kind === "callback" ? { value: 0n } : undefined);
}

function lowerJump(cx: Context, node: t.BreakStatement | t.ContinueStatement): void {
  if (node.label) throw refusal(cx, { ...node, type: "LabeledStatement" } as unknown as t.Node);
  const isBreak = node.type === "BreakStatement";
  const target = cx.targets.findLast((each) => isBreak || each.kind === "loop");
  if (!target) throw cx.error("COMPILE_LOOP", "there is no loop around this", node);
  if (isBreak) target.breaks.push(cx.facts);
  cx.builder.jump(isBreak ? target.breakLabel : target.continueLabel);
}
