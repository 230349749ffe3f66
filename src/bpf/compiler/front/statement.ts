/** Lowers statements. */
import type * as t from "@babel/types";
import { lowerAssignment, lowerUpdate } from "./assignment.ts";
import { coerce } from "./coerce.ts";
import { lowerCondition, type Outcome } from "./condition.ts";
import type { Context } from "./context.ts";
import { lowerDeclaration } from "./declaration.ts";
import { bare, lower } from "./expression.ts";
import { lowerFor } from "./loop.ts";
import { proven } from "./number.ts";
import { refusal } from "./refusal.ts";
import { type Facts, joinFacts } from "./scope.ts";
import { lowerSwitch } from "./switch.ts";
import { assignedNames, referencedNames } from "./walk.ts";

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
