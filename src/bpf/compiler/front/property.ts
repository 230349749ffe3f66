import type * as t from "@babel/types";

/** The property that a member expression names, if it names one. */
export function propertyName(node: t.MemberExpression): string | undefined {
  return !node.computed && node.property.type === "Identifier" ? node.property.name : undefined;
}
