import type { HostFacts } from "../facts.ts";
import type { Finding } from "../finding.ts";
import { checkGateway } from "./gateway.ts";
import { checkRequirements } from "./requirements.ts";
import { checkSeveralInterfaces } from "./reverse-path.ts";
import { checkListeners } from "./services.ts";
import type { RealServerCheck } from "./view.ts";
import { checkAddresses } from "./virtual-addresses.ts";

const CHECKS: readonly RealServerCheck[] = [
  checkAddresses,
  checkRequirements,
  checkSeveralInterfaces,
  checkGateway,
  checkListeners,
];

/** Everything about this host as a real server. */
export function examineRealServer(host: HostFacts): Finding[] {
  return CHECKS.flatMap((check) => check(host));
}
