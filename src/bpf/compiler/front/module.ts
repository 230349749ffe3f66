/** One parsed kernel module: its text, its names and its evaluated exports. */
import { parse } from "@babel/parser";
import type * as t from "@babel/types";
import type { SourcePosition } from "../../ir.ts";
import { CompileError } from "../errors.ts";
import type { Namespace } from "./source.ts";

export type FunctionNode = t.FunctionDeclaration;

/** What a name at the top level of a module stands for. */
export type Binding =
  /** `separate`, `inline`: marked by `@separate`, `@inline` in the comment before it. */
  | {
      readonly kind: "function";
      readonly node: FunctionNode;
      readonly separate: boolean;
      readonly inline: boolean;
    }
  | { readonly kind: "const"; readonly node: t.VariableDeclarator; readonly exported: boolean }
  | { readonly kind: "mutable"; readonly node: t.VariableDeclarator }
  /** `name` is undefined for `import * as`. */
  | { readonly kind: "import"; readonly from: string; readonly name: string | undefined };

/** `export { name as exported } from "from"`; `exported` is undefined for `export *`. */
export interface ReExport {
  readonly exported: string | undefined;
  readonly name: string;
  readonly from: string;
}

export interface KernelModule {
  readonly id: string;
  readonly file: string;
  readonly lines: readonly string[];
  readonly namespace: Namespace;
  readonly bindings: ReadonlyMap<string, Binding>;
  readonly types: ReadonlyMap<string, t.TSTypeAliasDeclaration>;
  /** Local names of exports, by exported name. */
  readonly exports: ReadonlyMap<string, string>;
  readonly reExports: readonly ReExport[];
}

type Located = { readonly loc?: t.SourceLocation | null };

/** Where a node starts. */
export function positionOf(module: Pick<KernelModule, "file" | "lines">, node: Located): SourcePosition {
  const line = node.loc?.start.line ?? 1;
  const column = (node.loc?.start.column ?? 0) + 1;
  return { file: module.file, line, column, text: module.lines[line - 1] ?? "" };
}

/** Parses a module and lists its names; `resolve` makes identifiers of import specifiers. Throws CompileError. */
export function parseModule(
  source: { readonly id: string; readonly file: string; readonly text: string },
  namespace: Namespace,
  resolve: (specifier: string) => string,
): KernelModule {
  const { id, file, text } = source;
  const lines = text.split(/\r?\n/);
  const bindings = new Map<string, Binding>();
  const types = new Map<string, t.TSTypeAliasDeclaration>();
  const exports = new Map<string, string>();
  const reExports: ReExport[] = [];

  const declare = (node: t.Declaration, exported: boolean, comments = node.leadingComments): void => {
    if (node.type === "FunctionDeclaration" && node.id) {
      const comment = comments?.at(-1)?.value ?? "";
      const separate = comment.includes("@separate");
      bindings.set(node.id.name, { kind: "function", node, separate, inline: comment.includes("@inline") });
      if (exported) exports.set(node.id.name, node.id.name);
    } else if (node.type === "TSTypeAliasDeclaration") {
      types.set(node.id.name, node);
    } else if (node.type === "VariableDeclaration") {
      for (const each of node.declarations) {
        if (each.id.type !== "Identifier") continue;
        const name = each.id.name;
        bindings.set(
          name,
          node.kind === "const" ? { kind: "const", node: each, exported } : { kind: "mutable", node: each },
        );
        if (exported) exports.set(name, name);
      }
    }
  };

  for (const node of parseText(text, file, lines).program.body) {
    switch (node.type) {
      case "ImportDeclaration":
        for (const each of node.specifiers) {
          const name =
            each.type === "ImportSpecifier"
              ? exportName(each.imported)
              : each.type === "ImportDefaultSpecifier"
                ? "default"
                : undefined;
          bindings.set(each.local.name, { kind: "import", from: resolve(node.source.value), name });
        }
        break;
      case "ExportNamedDeclaration":
        if (node.declaration) declare(node.declaration, true, node.leadingComments);
        for (const each of node.specifiers) {
          if (each.type !== "ExportSpecifier") continue;
          const exported = exportName(each.exported);
          if (node.source) {
            reExports.push({ exported, name: each.local.name, from: resolve(node.source.value) });
          } else {
            exports.set(exported, each.local.name);
          }
        }
        break;
      case "ExportAllDeclaration":
        reExports.push({ exported: undefined, name: "*", from: resolve(node.source.value) });
        break;
      case "FunctionDeclaration":
      case "VariableDeclaration":
      case "TSTypeAliasDeclaration":
        declare(node, false);
        break;
    }
  }
  for (const [exported, local] of exports) {
    const binding = bindings.get(local);
    if (binding?.kind === "const" && !binding.exported) {
      bindings.set(local, { ...binding, exported: exported === local });
    }
  }
  return { id, file, lines, namespace, bindings, types, exports, reExports };
}

function exportName(node: t.Identifier | t.StringLiteral): string {
  return node.type === "Identifier" ? node.name : node.value;
}

function parseText(text: string, file: string, lines: readonly string[]): t.File {
  try {
    return parse(text, {
      sourceType: "module",
      plugins: ["typescript"],
      createParenthesizedExpressions: false,
    });
  } catch (error) {
    const { loc, message } = error as { loc?: { line: number; column: number }; message: string };
    if (!loc) throw error;
    const at = { file, line: loc.line, column: loc.column + 1, text: lines[loc.line - 1] ?? "" };
    throw new CompileError("COMPILE_SYNTAX", message.replace(/ \(\d+:\d+\)$/, ""), at);
  }
}
