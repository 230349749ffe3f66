/** For tests of passes: text in, text out. */

import { cleanControlFlow } from "../clean.ts";
import type { Graph } from "../graph.ts";
import { graphOf } from "../graph.ts";
import { printGraph } from "../print.ts";
import { toSsa } from "../ssa.ts";
import { parseFunction } from "./parse.ts";

export type Pass = (graph: Graph) => unknown;

/** The graph of a function, cleaned up, out of SSA form. Parameter 0 is the context if it is called `main`. */
export function graphOfText(text: string): Graph {
  const graph = graphOf(parseFunction(text));
  if (graph.name === "main") graph.contextParameters.add(0);
  cleanControlFlow(graph);
  return graph;
}

/** The blocks of a function after passes in SSA form, without its head. */
export function afterSsa(text: string, ...passes: readonly Pass[]): string {
  const graph = graphOfText(text);
  toSsa(graph);
  for (const pass of passes) pass(graph);
  return bodyOf(graph);
}

/** The same outside of SSA form. */
export function after(text: string, ...passes: readonly Pass[]): string {
  const graph = graphOfText(text);
  for (const pass of passes) pass(graph);
  return bodyOf(graph);
}

/** A printed body, the first block without its label. */
export function bodyOf(graph: Graph): string {
  const lines = printGraph(graph).split("\n").slice(1, -1);
  return lines
    .filter((line) => !line.startsWith("  slot ") && line !== `b${graph.entry}:`)
    .map((line) => line.trim())
    .join("\n");
}

/** Text of several lines as tests write it: without indentation and empty ends. */
export function lines(text: string): string {
  return text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "")
    .join("\n");
}
