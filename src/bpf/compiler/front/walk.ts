/** Walks over syntax trees that need no scopes. */
import type * as t from "@babel/types";

const SKIPPED = new Set([
  "loc",
  "start",
  "end",
  "extra",
  "type",
  "leadingComments",
  "trailingComments",
  "innerComments",
]);

/** Calls `visit` for a node and everything in it; `visit` returns false to leave out what is inside. */
export function walk(node: t.Node, visit: (node: t.Node) => boolean | undefined): void {
  if (visit(node) !== false) walkInside(node, undefined, visit);
}

function walkInside(
  node: t.Node,
  except: t.Node | undefined,
  visit: (node: t.Node) => boolean | undefined,
): void {
  for (const key in node) {
    const value = (node as unknown as Record<string, unknown>)[key];
    if (typeof value !== "object" || value === null || value === except || SKIPPED.has(key)) continue;
    if (Array.isArray(value)) {
      for (const each of value) if (isNode(each)) walk(each, visit);
    } else if (isNode(value)) {
      walk(value, visit);
    }
  }
}

function isNode(value: unknown): value is t.Node {
  return typeof value === "object" && value !== null && typeof (value as t.Node).type === "string";
}

/** The part of a node that is the name of a field: it refers to nothing. */
function nameOnly(node: t.Node): t.Node | undefined {
  if (node.type === "MemberExpression" && !node.computed) return node.property;
  return node.type === "ObjectProperty" && !node.computed && !node.shorthand ? node.key : undefined;
}

/** Every identifier that a function mentions, local ones included; `isType` for those in annotations. */
export function referencedNames(node: t.Node): { name: string; isType: boolean }[] {
  const values = new Set<string>();
  const types = new Set<string>();
  const collect = (each: t.Node): boolean => {
    if (each.type === "TSTypeReference") {
      walk(each, (inner) => {
        if (inner.type === "Identifier") types.add(inner.name);
        return true;
      });
      return false;
    }
    if (each.type === "Identifier") values.add(each.name);
    const named = nameOnly(each);
    if (!named) return true;
    walkInside(each, named, collect);
    return false;
  };
  walk(node, collect);
  return [
    ...[...values].map((name) => ({ name, isType: false })),
    ...[...types].map((name) => ({ name, isType: true })),
  ];
}

/** Names that are assigned to somewhere in a statement. */
export function assignedNames(node: t.Node): Set<string> {
  const names = new Set<string>();
  walk(node, (each) => {
    const target =
      each.type === "AssignmentExpression"
        ? each.left
        : each.type === "UpdateExpression"
          ? each.argument
          : null;
    if (target?.type === "Identifier") names.add(target.name);
    return true;
  });
  return names;
}
