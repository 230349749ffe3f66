/** Finds kernel functions that call themselves, directly or around. */
import type { SourcePosition } from "../../ir.ts";
import { CompileError } from "../errors.ts";

/** One call in the source. */
export interface CallEdge {
  readonly from: string;
  readonly to: string;
  readonly at: SourcePosition;
}

/** One error for each call that closes a circle. */
export function checkRecursion(calls: readonly CallEdge[]): CompileError[] {
  const byCaller = new Map<string, CallEdge[]>();
  for (const call of calls) byCaller.set(call.from, [...(byCaller.get(call.from) ?? []), call]);
  const errors: CompileError[] = [];
  const done = new Set<string>();
  const path: string[] = [];
  const visit = (name: string): void => {
    if (done.has(name)) return;
    path.push(name);
    for (const { to, at } of byCaller.get(name) ?? []) {
      const start = path.indexOf(to);
      if (start < 0) {
        visit(to);
        continue;
      }
      const circle = [...path.slice(start), to].join(" → ");
      errors.push(
        new CompileError(
          "COMPILE_RECURSION",
          `a kernel function cannot call itself (${circle}): write a for loop, or repeat(count, callback, context)`,
          at,
        ),
      );
    }
    path.pop();
    done.add(name);
  };
  for (const name of byCaller.keys()) visit(name);
  return errors;
}
