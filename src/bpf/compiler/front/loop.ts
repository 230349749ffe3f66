/** Lowers `for` loops: a counter, a bound that is known to be small enough, and a step. */
import type * as t from "@babel/types";
import { constant } from "./builder.ts";
import type { CompareOperator } from "./compare.ts";
import { lowerCondition } from "./condition.ts";
import type { Context } from "./context.ts";
import { mismatch } from "./describe.ts";
import { bare, lower } from "./expression.ts";
import { proven } from "./number.ts";
import { joinFacts, type Variable } from "./scope.ts";
import { lowerBlock } from "./statement.ts";
import { knownNumber, type NumberValue, type Value } from "./value.ts";
import { assignedNames } from "./walk.ts";

/** Rounds that a loop whose bound is a variable may have. */
const MOST_ROUNDS = 4096;
/** Rounds that a loop whose bound is a constant may have: the verifier walks each one. */
const MOST_CONSTANT_ROUNDS = 65536;

const FORM =
  "a for loop is `for (let i = a; i < n; i++)` (or <=, and i += constant; downwards >, >=, i--); " +
  "more conditions may follow the bound with &&";

interface Head {
  readonly name: string;
  readonly initial: t.Expression;
  readonly test: t.BinaryExpression;
  /** What is to hold besides the bound: `bound && rest`. */
  readonly rest: readonly t.Expression[];
  readonly step: number;
}

export function lowerFor(cx: Context, node: t.ForStatement): void {
  const head = readHead(cx, node);
  cx.scopes.nested(() => {
    const initial = lower(cx, head.initial);
    if (initial.kind !== "number") throw mismatch(cx, head.initial, initial, "a number to count from");
    cx.forget(assignedNames(node.body));
    lowerLoop(cx, node, head, initial);
  });
}

function lowerLoop(cx: Context, node: t.ForStatement, head: Head, initial: NumberValue): void {
  const { builder } = cx;
  const counter = builder.moved(initial.operand, head.name);
  cx.mutableRegisters.add(counter);
  const [top, body, more, step, done] = [1, 2, 3, 4, 5].map(() => builder.label()) as [
    number,
    number,
    number,
    number,
    number,
  ];
  builder.start(top);
  builder.at = cx.position(head.test);
  const up = head.step > 0;
  const bound = boundOf(cx, head, initial);
  const variable: Variable = {
    name: head.name,
    type: undefined,
    value: { kind: "number", operand: { reg: counter }, ...bound.inside },
    reg: counter,
    fixed: "loop counter",
    depth: cx.loopDepth + 1,
  };
  const before = cx.facts;
  if (bound.settled === false) {
    // Not even one round.
    builder.jump(done);
    builder.start(done);
    return;
  }
  // The counter comes second: older verifiers, who know its value, follow no comparison of it with an unknown bound.
  if ("value" in bound.operand) {
    builder.branch(bound.comparison, { reg: counter }, bound.operand, more, done);
  } else builder.branch(MIRRORED[bound.comparison], bound.operand, { reg: counter }, more, done);
  cx.scopes.declare(variable);
  builder.start(more);
  const ends = [before];
  for (const each of head.rest) {
    const next = builder.label();
    const { whenTrue, whenFalse } = lowerCondition(cx, each, next, done);
    if (whenFalse) ends.push(whenFalse);
    builder.start(next);
    if (!whenTrue) break;
    cx.facts = whenTrue;
  }
  builder.start(body);
  const target = { kind: "loop", breakLabel: done, continueLabel: step, breaks: ends } as const;
  cx.targets.push(target);
  cx.loopDepth++;
  lowerBlock(cx, node.body);
  cx.loopDepth--;
  cx.targets.pop();
  builder.start(step);
  builder.at = cx.position(node.update!);
  const width = bound.inside.low >= 0 && up ? 32 : 64;
  builder.emit({
    op: "alu",
    operation: up ? "add" : "sub",
    width,
    dst: counter,
    left: { reg: counter },
    right: constant(Math.abs(head.step)),
  });
  builder.jump(top);
  builder.start(done);
  cx.facts = ends.reduce(joinFacts);
}

/** The comparison with its sides exchanged. */
const MIRRORED = {
  lt: "gt",
  le: "ge",
  gt: "lt",
  ge: "le",
  slt: "sgt",
  sle: "sge",
  sgt: "slt",
  sge: "sle",
} as const;

interface Bound {
  readonly operand: NumberValue["operand"];
  readonly comparison: "lt" | "le" | "gt" | "ge" | "slt" | "sle" | "sgt" | "sge";
  /** The counter within the body. */
  readonly inside: { readonly low: number; readonly high: number };
  readonly settled: boolean | undefined;
}

/** Lowers the bound, and checks that it comes within a bounded number of rounds. */
function boundOf(cx: Context, head: Head, initial: NumberValue): Bound {
  const { test, step } = head;
  const lowered = lower(cx, test.right);
  if (lowered.kind !== "number") throw mismatch(cx, test.right, lowered, "a number as bound");
  const limit = proven(cx, lowered);
  const operator = test.operator as CompareOperator;
  const including = operator === "<=" || operator === ">=" ? 0 : 1;
  const inside =
    step > 0
      ? { low: initial.low, high: limit.high - including }
      : { low: limit.low + including, high: initial.high };
  // A further condition may be the closer bound; the counter is one step beyond it when that ends the loop.
  const closer = closerBound(cx, head);
  if (closer !== undefined) {
    if (step > 0) inside.high = Math.min(inside.high, closer + step);
    else inside.low = Math.max(inside.low, closer + step);
  }
  const rounds = Math.ceil((inside.high - inside.low + 1) / Math.abs(step));
  const fixed = knownNumber(limit) !== undefined && knownNumber(initial) !== undefined;
  const most = fixed ? MOST_CONSTANT_ROUNDS : MOST_ROUNDS;
  if (rounds > most) {
    throw cx.error(
      "COMPILE_LOOP",
      `the loop may have ${rounds} rounds, more than ${most}: bound it, as in \`const n = Math.min(count, 64)\`, ` +
        "or use repeat(count, callback, context)",
      test,
    );
  }
  const nonNegative = initial.low >= 0 && limit.low >= 0 && (step > 0 || inside.low + step >= 0);
  const names = { "<": "lt", "<=": "le", ">": "gt", ">=": "ge" } as const;
  const name = names[operator as "<"];
  const comparison = nonNegative ? name : (`s${name}` as const);
  return { operand: limit.operand, comparison, inside, settled: rounds <= 0 ? false : undefined };
}

/** The last value of the counter that further conditions with constants let into the body: `i < n && i < 16`. */
function closerBound(cx: Context, { name, rest, step }: Head): number | undefined {
  const lasts = rest.flatMap((each) => {
    const test = bare(each);
    if (test.type !== "BinaryExpression" || !isNamed(test.left, name)) return [];
    const right = bare(test.right);
    if (right.type !== "NumericLiteral" && right.type !== "Identifier") return [];
    const limit = knownNumber(lower(cx, right));
    if (limit === undefined || !(step > 0 ? ["<", "<="] : [">", ">="]).includes(test.operator)) return [];
    return [test.operator.length === 2 ? limit : limit - Math.sign(step)];
  });
  if (lasts.length === 0) return undefined;
  return step > 0 ? Math.min(...lasts) : Math.max(...lasts);
}

function readHead(cx: Context, node: t.ForStatement): Head {
  const refuse = (at: t.Node | null | undefined): Error => cx.error("COMPILE_LOOP", FORM, at ?? node);
  const { init, update } = node;
  if (init?.type !== "VariableDeclaration") throw refuse(init);
  if (init.kind === "var") throw cx.error("COMPILE_VAR", "write let: var is visible outside its block", init);
  const [declared, second] = init.declarations;
  if (!declared || second || init.kind !== "let" || declared.id.type !== "Identifier" || !declared.init) {
    throw refuse(init);
  }
  const { name } = declared.id;
  const conditions = node.test ? conjuncts(node.test) : [];
  const [first, ...rest] = conditions;
  const test = first && bare(first);
  if (test?.type !== "BinaryExpression" || !isNamed(test.left, name)) throw refuse(node.test);
  const step = update ? readStep(cx, update, name) : undefined;
  if (step === undefined || step === 0) throw refuse(update);
  const wanted = step > 0 ? ["<", "<="] : [">", ">="];
  if (!wanted.includes(test.operator)) throw refuse(test);
  if (assignedNames(node.body).has(name) && !shadowed(node.body, name)) {
    throw cx.error("COMPILE_LOOP", `${name} counts the loop and is changed by its head only`, node);
  }
  return { name, initial: declared.init, test, rest, step };
}

/** Whether the body declares the name anew, so that assignments in it may mean another variable. */
function shadowed(body: t.Node, name: string): boolean {
  let found = false;
  for (const statement of body.type === "BlockStatement" ? body.body : []) {
    if (statement.type !== "VariableDeclaration") continue;
    found ||= statement.declarations.some((each) => each.id.type === "Identifier" && each.id.name === name);
  }
  return found;
}

function conjuncts(node: t.Expression): t.Expression[] {
  return node.type === "LogicalExpression" && node.operator === "&&"
    ? [...conjuncts(node.left), node.right]
    : [node];
}

function isNamed(node: t.Node, name: string): boolean {
  const inner = bare(node);
  return inner.type === "Identifier" && inner.name === name;
}

/** The constant by which the loop's update changes the counter. */
function readStep(cx: Context, node: t.Node, name: string): number | undefined {
  if (node.type === "UpdateExpression" && isNamed(node.argument, name))
    return node.operator === "++" ? 1 : -1;
  if (node.type !== "AssignmentExpression" || !isNamed(node.left, name)) return undefined;
  if (node.operator !== "+=" && node.operator !== "-=") return undefined;
  const by: Value = lower(cx, node.right);
  const known = knownNumber(by);
  return known === undefined ? undefined : node.operator === "+=" ? known : -known;
}
