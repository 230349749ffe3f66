/** Lowers `switch` on numbers. */
import type * as t from "@babel/types";
import { compareValues } from "./compare.ts";
import type { Context } from "./context.ts";
import { mismatch } from "./describe.ts";
import { lower } from "./expression.ts";
import { narrow } from "./narrow.ts";
import { type Facts, joinFacts } from "./scope.ts";
import { lowerStatements } from "./statement.ts";
import { knownNumber, knownWide, type Value } from "./value.ts";

interface Clause {
  readonly values: { readonly node: t.Node; readonly value: Value }[];
  readonly isDefault: boolean;
  readonly body: readonly t.Statement[];
  readonly node: t.SwitchCase;
  readonly label: number;
  /** What is known at each comparison that leads here. */
  readonly entries: Facts[];
}

export function lowerSwitch(cx: Context, node: t.SwitchStatement): void {
  const { builder } = cx;
  const subject = lower(cx, node.discriminant);
  if (subject.kind !== "number" && subject.kind !== "u64") {
    throw subject.kind === "text"
      ? mismatch(cx, node.discriminant, subject, "a number")
      : cx.error("COMPILE_SWITCH", "switch is on numbers: write if for anything else", node.discriminant);
  }
  const clauses = readClauses(cx, node, subject.kind);
  const done = builder.label();
  compareAll(cx, node, subject, clauses, done);
  const target = { kind: "switch", breakLabel: done, continueLabel: done, breaks: [] as Facts[] } as const;
  if (!clauses.some((clause) => clause.isDefault)) target.breaks.push(cx.facts);
  cx.targets.push(target);
  clauses.forEach((clause, i) => {
    if (clause.entries.length === 0) return;
    builder.start(clause.label);
    cx.facts = clause.entries.reduce(joinFacts);
    cx.scopes.nested(() => lowerStatements(cx, clause.body));
    if (!builder.reachable) return;
    if (i < clauses.length - 1) {
      cx.shared.errors.push(
        cx.error(
          "COMPILE_SWITCH",
          "this case goes on into the next: end it with break, return or continue",
          clause.node,
        ),
      );
    }
    target.breaks.push(cx.facts);
    builder.jump(done);
  });
  cx.targets.pop();
  if (target.breaks.length === 0) return;
  builder.start(done);
  cx.facts = target.breaks.reduce(joinFacts);
}

/** The cases, those without statements joined with the one that follows. */
function readClauses(cx: Context, node: t.SwitchStatement, kind: "number" | "u64"): Clause[] {
  const clauses: Clause[] = [];
  let values: Clause["values"] = [];
  let isDefault = false;
  for (const [i, each] of node.cases.entries()) {
    if (each.test) {
      const value = lower(cx, each.test);
      if (value.kind !== kind || (knownNumber(value) ?? knownWide(value)) === undefined) {
        throw cx.error("COMPILE_SWITCH", `the cases of this switch are constants, each a ${kind}`, each.test);
      }
      values.push({ node: each.test, value });
    } else {
      isDefault = true;
    }
    if (each.consequent.length === 0 && i < node.cases.length - 1) continue;
    const label = cx.builder.label();
    clauses.push({ values, isDefault, body: each.consequent, node: each, label, entries: [] });
    values = [];
    isDefault = false;
  }
  return clauses;
}

/** Branches to the clause whose value it is; `cx.facts` is what is known where none was. */
function compareAll(
  cx: Context,
  node: t.SwitchStatement,
  subject: Value,
  clauses: readonly Clause[],
  done: number,
): void {
  const { builder } = cx;
  for (const clause of clauses) {
    for (const { value, node: at } of clause.values) {
      const compared = compareValues(cx, "===", subject, value, at);
      if (compared === false) continue;
      if (compared === true) {
        clause.entries.push(cx.facts);
        builder.jump(clause.label);
        return;
      }
      const next = builder.label();
      builder.at = cx.position(at);
      builder.branch(compared.comparison, compared.left, compared.right, clause.label, next);
      const { whenTrue, whenFalse } = narrow(cx, "===", [node.discriminant, subject], [undefined, value]);
      clause.entries.push(whenTrue!);
      builder.start(next);
      cx.facts = whenFalse!;
    }
  }
  const otherwise = clauses.find((clause) => clause.isDefault);
  otherwise?.entries.push(cx.facts);
  builder.jump(otherwise?.label ?? done);
}
