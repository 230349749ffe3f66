/** Kernel modules written as text in tests: evaluated as JavaScript, and lowered. */
import { parse } from "@babel/parser";
import type * as t from "@babel/types";
import * as bpf from "../../../index.ts";
import type { IrModule } from "../../../ir.ts";
import {
  lowerModule,
  type Namespace,
  type OptionValues,
  type SourceProvider,
  textSources,
} from "../index.ts";
import { walk } from "../walk.ts";

/** The module under test: its exports as evaluated by JavaScript, and a source provider that has it as "test.ts". */
export interface TextModule {
  readonly exports: Record<string, never>;
  readonly sources: SourceProvider;
}

/** Every name of the door of `src/bpf` can be used without importing it. */
export function textModule(body: string, others: Record<string, Namespace> = {}): TextModule {
  const names = Object.keys(bpf);
  const used = names.filter((name) => new RegExp(`\\b${name}\\b`).test(body));
  const text = `import { ${used.join(", ")} } from "bpf";${body.startsWith("\n") ? "" : " "}${body}`;
  const exports = evaluate(body, names, others);
  const sources = textSources(
    { "test.ts": { text, namespace: exports } },
    { bpf: bpf as unknown as Namespace, ...others },
  );
  return { exports: exports as Record<string, never>, sources };
}

/** The IR of `entry` in a module of this text. */
export function lowerText(body: string, entry = "f", options: OptionValues = {}): Promise<IrModule> {
  const { sources } = textModule(body);
  return lowerModule({ entry: { module: "test.ts", name: entry }, sources, options, anyEntry: true });
}

function evaluate(body: string, names: readonly string[], others: Record<string, Namespace>): Namespace {
  let program: t.File;
  try {
    program = parse(body, { sourceType: "module", plugins: ["typescript"] });
  } catch {
    return {};
  }
  const exported: string[] = [];
  const blanks: [start: number, end: number][] = [];
  const blank = (start: number, end: number): boolean => {
    blanks.push([start, end]);
    return false;
  };
  const imports: string[] = [];
  walk(program.program, (node) => {
    switch (node.type) {
      case "ImportDeclaration":
        for (const each of node.specifiers) imports.push(`${each.local.name}: "${node.source.value}"`);
        return blank(node.start!, node.end!);
      case "TSTypeAnnotation":
      case "TSTypeAliasDeclaration":
      case "TSTypeParameterDeclaration":
        return blank(node.start!, node.end!);
      case "TSNonNullExpression":
        blank(node.end! - 1, node.end!);
        return true;
      case "TSAsExpression":
        blank(node.expression.end!, node.end!);
        return true;
      case "ExportNamedDeclaration":
        blank(node.start!, node.declaration ? node.declaration.start! : node.end!);
        exported.push(...declaredNames(node.declaration));
        return true;
      default:
        return true;
    }
  });
  let text = body;
  for (const [start, end] of blanks) text = text.slice(0, start) + " ".repeat(end - start) + text.slice(end);
  const imported = Object.assign({}, ...Object.values(others)) as Namespace;
  const parameters = [...names, ...Object.keys(imported)];
  const values = parameters.map((name) => imported[name] ?? (bpf as unknown as Namespace)[name]);
  return new Function(...parameters, `${text}\nreturn { ${exported.join(", ")} };`)(...values) as Namespace;
}

function declaredNames(node: t.Declaration | null | undefined): string[] {
  if (node?.type === "FunctionDeclaration" && node.id) return [node.id.name];
  if (node?.type !== "VariableDeclaration") return [];
  return node.declarations.flatMap((each) => (each.id.type === "Identifier" ? [each.id.name] : []));
}
