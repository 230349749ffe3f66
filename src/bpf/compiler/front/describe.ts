/** How messages name values. */
import type * as t from "@babel/types";
import type { CompileErrorCode } from "../errors.ts";
import type { Context } from "./context.ts";
import type { Value } from "./value.ts";

/** An error for a value of the wrong kind. */
export function mismatch(cx: Context, node: t.Node, value: Value, wanted: string): Error {
  const codes: Partial<Record<Value["kind"], CompileErrorCode>> = { text: "COMPILE_STRING" };
  return cx.error(
    codes[value.kind] ?? "COMPILE_TYPE",
    `this is ${described(value)}, and ${wanted} is needed`,
    node,
  );
}

/** A value as messages name it. */
export function described(value: Value): string {
  switch (value.kind) {
    case "number":
      return "a number";
    case "u64":
      return "a u64";
    case "boolean":
      return "a boolean";
    case "reference":
      return value.nullable ? "a reference that may be null" : "a reference";
    case "map":
      return "a map";
    case "packet":
      return "the packet";
    case "void":
      return "nothing (the function returns no value)";
    case "text":
      return "a string";
    case "function":
      return `the function ${value.source.name}`;
    case "null":
      return "null";
    default:
      return "a value of the module";
  }
}
