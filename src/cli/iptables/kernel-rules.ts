import type { RuleAdministration } from "../../ipvs/rules/administration.ts";

/** The rules of this network namespace. What talks to the kernel is loaded now. */
export async function openKernelRules(): Promise<RuleAdministration> {
  const ipvs = (await import("../../ipvs/index.ts")) as unknown as {
    readonly openRules?: () => RuleAdministration;
  };
  if (ipvs.openRules === undefined) throw new Error("there are no rules in the datapath yet");
  return ipvs.openRules();
}
