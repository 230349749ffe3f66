import { interfaceSysctl, type RealServerFacts, sysctlNumber } from "./facts.ts";
import type { Step } from "./model.ts";

/** An interface's own value of one of IPv4's sysctls, or that of "all". */
export function own(facts: RealServerFacts, link: string, name: string): number {
  return sysctlNumber(facts, interfaceSysctl(link, name));
}

/** Sets it. */
export function change(facts: RealServerFacts, link: string, name: string, to: number): Step {
  return {
    kind: "sysctl",
    name: interfaceSysctl(link, name),
    from: String(own(facts, link, name)),
    to: String(to),
  };
}
