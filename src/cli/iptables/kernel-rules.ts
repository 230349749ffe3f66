import type { RuleAdministration } from "../../ipvs/rules/administration.ts";

/** The rules of this network namespace. What talks to the kernel is loaded now. */
export async function openKernelRules(): Promise<RuleAdministration> {
  const { openRules } = await import("../../ipvs/index.ts");
  return openRules();
}
