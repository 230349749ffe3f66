import type { HostFacts } from "../facts.ts";
import type { Finding } from "../finding.ts";
import { checkArp } from "./arp.ts";
import { checkGateway } from "./gateway.ts";
import { checkReversePath } from "./reverse-path.ts";
import { checkListeners } from "./services.ts";
import { checkStarted } from "./started.ts";
import type { RealServerCheck } from "./view.ts";
import { checkAddresses } from "./virtual-addresses.ts";

const CHECKS: readonly RealServerCheck[] = [
  checkAddresses,
  checkStarted,
  checkArp,
  checkReversePath,
  checkGateway,
  checkListeners,
];

/** Everything about this host as a real server. */
export function examineRealServer(host: HostFacts): Finding[] {
  return CHECKS.flatMap((check) => check(host));
}
