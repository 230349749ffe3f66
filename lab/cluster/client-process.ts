/**
 * The cluster's client: takes a task a line as JSON, and answers with {"value": …} or {"error": "…"}. Tasks are the
 * functions of tasks.ts by name, with their arguments: `["get", "http://…", 3]`.
 */
import { createInterface } from "node:readline";
import * as tasks from "./tasks.ts";

const known = tasks as unknown as Record<string, (...values: unknown[]) => Promise<unknown>>;
for await (const line of createInterface({ input: process.stdin })) {
  const [name, ...values] = JSON.parse(line) as [string, ...unknown[]];
  try {
    console.log(JSON.stringify({ value: (await known[name]!(...values)) ?? null }));
  } catch (error) {
    const { message, code } = error as Error & { code?: string };
    console.log(JSON.stringify({ error: `${code ?? ""} ${message}`.trim() }));
  }
}
