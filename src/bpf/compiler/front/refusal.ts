/** Syntax that kernel TypeScript does not have, and what to write instead. */
import type * as t from "@babel/types";
import type { CompileError, CompileErrorCode } from "../errors.ts";
import type { Context } from "./context.ts";

type Advice = readonly [code: CompileErrorCode, reason: string];

const CLOSURE: Advice = [
  "COMPILE_CLOSURE",
  "there are no function expressions or closures: write an exported function at the top of the module and pass its name",
];
const ALLOCATION: Advice = [
  "COMPILE_ALLOCATION",
  "nothing is allocated: memory is make(S, { field: value, … }) on the stack, or an element of a map",
];
const STRING: Advice = ["COMPILE_STRING", "there are no strings: use numbers, or bytes(n) in a struct"];
const EXCEPTION: Advice = [
  "COMPILE_EXCEPTION",
  "there are no exceptions: return a value that says what went wrong, and test it",
];
const WHILE: Advice = [
  "COMPILE_LOOP",
  "loops have a bound: write `for (let i = 0; i < n; i++)` with `break`, or repeat(count, callback, context) for many rounds",
];
const EACH: Advice = [
  "COMPILE_LOOP",
  "sequences are walked by index: `for (let i = 0; i < list.length; i++)`; maps by forEach(map, callback, context)",
];
const ASYNC: Advice = [
  "COMPILE_ASYNC",
  "kernel functions run to their end at once: no async, await or generators",
];
const SPREAD: Advice = ["COMPILE_SPREAD", "there is no spread: pass the arguments one by one"];
const ANNOTATED: Advice = [
  "COMPILE_UNSUPPORTED",
  "this is not part of kernel TypeScript: see docs/kernel-typescript.md",
];

const BY_TYPE: Readonly<Record<string, Advice>> = {
  ArrowFunctionExpression: CLOSURE,
  FunctionExpression: CLOSURE,
  FunctionDeclaration: CLOSURE,
  ClassExpression: ALLOCATION,
  ClassDeclaration: ALLOCATION,
  NewExpression: ALLOCATION,
  ObjectExpression: ALLOCATION,
  ArrayExpression: ALLOCATION,
  TemplateLiteral: STRING,
  TaggedTemplateExpression: STRING,
  StringLiteral: STRING,
  RegExpLiteral: STRING,
  ThrowStatement: EXCEPTION,
  TryStatement: EXCEPTION,
  WhileStatement: WHILE,
  DoWhileStatement: WHILE,
  ForInStatement: EACH,
  ForOfStatement: EACH,
  AwaitExpression: ASYNC,
  YieldExpression: ASYNC,
  SpreadElement: SPREAD,
  ObjectPattern: [
    "COMPILE_DESTRUCTURING",
    "there is no destructuring: bind each field, `const port = header.port`",
  ],
  ArrayPattern: [
    "COMPILE_DESTRUCTURING",
    "there is no destructuring: bind each element, `const first = list[0]`",
  ],
  AssignmentPattern: ["COMPILE_UNSUPPORTED", "parameters have no defaults: pass every argument"],
  RestElement: ["COMPILE_SPREAD", "there are no rest parameters: name each one"],
  AssignmentExpression: [
    "COMPILE_ASSIGNMENT",
    "an assignment is a statement of its own, not part of an expression",
  ],
  UpdateExpression: [
    "COMPILE_ASSIGNMENT",
    "++ and -- are statements of their own: write them on a line before or after",
  ],
  SequenceExpression: ["COMPILE_UNSUPPORTED", "there is no comma operator: write two statements"],
  OptionalMemberExpression: [
    "COMPILE_NULL",
    "there is no ?. : test the reference before, `if (x === null) return …`",
  ],
  OptionalCallExpression: [
    "COMPILE_NULL",
    "there is no ?. : test the reference before, `if (x === null) return …`",
  ],
  ThisExpression: ["COMPILE_UNSUPPORTED", "there is no this: pass what is needed as a parameter"],
  LabeledStatement: [
    "COMPILE_LOOP",
    "there are no labels: put the inner loop into a function and return from it",
  ],
  WithStatement: ANNOTATED,
};

/** The error for a node that kernel TypeScript does not have. */
export function refusal(cx: Context, node: t.Node): CompileError {
  const [code, reason] = adviceOn(node);
  return cx.error(code, reason, node);
}

/** What to write instead of a node. */
export function adviceOn(node: t.Node): Advice {
  if (node.type === "LogicalExpression") {
    return ["COMPILE_NULL", "there is no ?? : write `x === null ? other : x`"];
  }
  if (node.type === "UnaryExpression") return unaryAdvice(node.operator);
  if (node.type === "BinaryExpression")
    return ["COMPILE_UNSUPPORTED", `there is no operator ${node.operator}`];
  return BY_TYPE[node.type] ?? ANNOTATED;
}

function unaryAdvice(operator: string): Advice {
  switch (operator) {
    case "+":
      return [
        "COMPILE_TYPE",
        "unary + converts: numbers are numbers already, and Number(x) makes one of a u64",
      ];
    case "typeof":
      return ["COMPILE_STRING", "typeof gives a string, and types are known: use the annotation"];
    case "delete":
      return ["COMPILE_ALLOCATION", "fields cannot be deleted; elements of maps can: map.delete(key)"];
    case "throw":
      return EXCEPTION;
    default:
      return ["COMPILE_UNSUPPORTED", `there is no operator ${operator}`];
  }
}
