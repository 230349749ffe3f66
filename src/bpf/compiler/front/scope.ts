/** Local names, and what is known about their values at the present point of the program. */
import type { Reg } from "../../ir.ts";
import { spannedWide } from "./interval.ts";
import type { Type } from "./type.ts";
import type { Value } from "./value.ts";

export interface Variable {
  readonly name: string;
  /** Every value assigned to it has this type; undefined for constants that hold something without a type. */
  readonly type: Type | undefined;
  /** What is always true of its value. */
  readonly value: Value;
  /** The register that assignments write to; absent for constants. */
  readonly reg?: Reg;
  /** Why it cannot be assigned to, where it is neither a plain constant nor a plain `let`. */
  readonly fixed?: "loop counter";
  /** How deep in loops it is declared. */
  readonly depth: number;
  /** Its initialiser was refused: uses of it are no further errors. */
  readonly poisoned?: boolean;
}

/** For some variables, a value that says more than `Variable.value`. */
export type Facts = ReadonlyMap<Variable, Value>;

/** What is known where two ways meet. */
export function joinFacts(a: Facts, b: Facts): Facts {
  if (a === b) return a;
  const joined = new Map<Variable, Value>();
  for (const [variable, value] of a) {
    const other = b.get(variable);
    const common = other && joinValues(value, other);
    if (common) joined.set(variable, common);
  }
  return joined;
}

/** Two descriptions of the same register as one. */
function joinValues(a: Value, b: Value): Value | undefined {
  if (a === b) return a;
  if (a.kind === "number" && b.kind === "number") {
    return {
      kind: "number",
      operand: a.operand,
      low: Math.min(a.low, b.low),
      high: Math.max(a.high, b.high),
      unproven: a.unproven === true || b.unproven === true,
    };
  }
  if (a.kind === "u64" && b.kind === "u64") {
    return { kind: "u64", operand: a.operand, ...spannedWide([a.low, a.high, b.low, b.high]) };
  }
  if (a.kind === "reference" && b.kind === "reference") {
    return {
      ...a,
      nullable: a.nullable || b.nullable,
      memory: a.memory === b.memory ? a.memory : "unknown",
      align: Math.min(a.align, b.align),
      depth: Math.max(a.depth, b.depth),
    };
  }
  if (a.kind === "map" && b.kind === "map") return { ...a, nullable: a.nullable || b.nullable };
  return undefined;
}

export class Scopes {
  readonly #stack: Map<string, Variable>[] = [new Map()];

  find(name: string): Variable | undefined {
    for (let i = this.#stack.length - 1; i >= 0; i--) {
      const found = this.#stack[i]!.get(name);
      if (found) return found;
    }
    return undefined;
  }

  declare(variable: Variable): void {
    this.#stack.at(-1)!.set(variable.name, variable);
  }

  /** Runs `body` with a scope of its own. */
  nested<T>(body: () => T): T {
    this.#stack.push(new Map());
    try {
      return body();
    } finally {
      this.#stack.pop();
    }
  }
}
