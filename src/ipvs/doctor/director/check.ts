import type { HostFacts } from "../facts.ts";
import type { Finding } from "../finding.ts";
import { discountDeafness } from "./deafness.ts";
import { lookPastDownLinks } from "./down-links.ts";
import { checkDirectorFirewall } from "./firewall.ts";
import { checkForwarding, checkRedirects, checkReversePath } from "./forwarding.ts";
import { checkInterfaces } from "./interfaces.ts";
import { checkMarks } from "./marks.ts";
import { checkOffloads } from "./offloads.ts";
import { checkRenamedInterfaces } from "./renamed-interfaces.ts";
import { checkServers } from "./servers.ts";
import { checkServices } from "./services.ts";
import { checkSharedPorts } from "./shared-ports.ts";
import { checkStaleAddresses } from "./stale-addresses.ts";
import { checkState } from "./state.ts";
import { checkTunnelMtu } from "./tunnel-mtu.ts";
import type { DirectorCheck } from "./view.ts";
import { checkVirtualAddresses } from "./virtual-addresses.ts";
import { checkWays } from "./ways.ts";

/** In the order in which findings are told: what keeps everything from working comes first. */
const CHECKS: readonly DirectorCheck[] = [
  checkState,
  checkInterfaces,
  checkForwarding,
  checkVirtualAddresses,
  checkServices,
  checkServers,
  checkWays,
  checkStaleAddresses,
  checkSharedPorts,
  checkTunnelMtu,
  checkRedirects,
  checkReversePath,
  checkOffloads,
  checkMarks,
  checkRenamedInterfaces,
  checkDirectorFirewall,
];

/** Everything about this host as a director. */
export function examineDirector(host: HostFacts): Finding[] {
  if (host.director === null) return [];
  const { director, findings } = discountDeafness(lookPastDownLinks(host.director, host), host);
  return [...CHECKS.flatMap((check) => check(director, host)), ...findings];
}
