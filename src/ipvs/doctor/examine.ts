import { examineDirector } from "./director/check.ts";
import type { HostFacts } from "./facts.ts";
import { commandOf, type Finding, type Role } from "./finding.ts";
import { checkKernelIpvs } from "./kernel-ipvs.ts";
import { examineRealServer } from "./realserver/check.ts";
import { looksLikeRealServer } from "./realserver/view.ts";

/** What a host is, by what can be seen: a director if it has, or had, services; else a real server if it has virtual addresses. */
export function rolesOf(host: HostFacts): Role[] {
  const { director } = host;
  if (director !== null && (director.services.length > 0 || director.status.state === "unusable"))
    return ["director"];
  return looksLikeRealServer(host) ? ["realserver"] : [];
}

/** All that would not work, or may not. `roles`: as what to look at the host; one note tells of it if there are none. */
export function examine(host: HostFacts, roles: readonly Role[] = rolesOf(host)): Finding[] {
  const findings = [
    ...(roles.length === 0 ? [NOTHING_TO_LOOK_AT] : []),
    ...(roles.includes("director") ? [...without(host), ...examineDirector(host)] : []),
    ...(roles.includes("realserver") ? examineRealServer(host) : []),
    ...checkKernelIpvs(host),
  ];
  return host.sysctlsReadOnly ? findings.map(asAdvice) : findings;
}

/** Otherwise what reads findings, as JSON, could not tell this from a host where all is well. */
const NOTHING_TO_LOOK_AT: Finding = {
  code: "nothing-to-look-at",
  severity: "note",
  where: "this host",
  what: "lvs has no services here, and there are no virtual addresses on loopback.",
  why: "So nothing was looked at. If it is to be a director or a real server, say --role director or --role realserver, or --vip VIP.",
  remedy: null,
};

/** Sysctls that cannot be set from here are for whoever can. */
function asAdvice(finding: Finding): Finding {
  const { remedy } = finding;
  if (remedy?.kind !== "sysctl") return finding;
  const command = `${commandOf(remedy)}    # where /proc/sys is not read-only: it is here`;
  return { ...finding, remedy: { kind: "advice", command } };
}

/** A director without services, where somebody says that there is one. */
function without({ director }: HostFacts): Finding[] {
  if (director !== null && (director.services.length > 0 || director.status.state === "unusable")) return [];
  return [
    {
      code: "no-services",
      severity: "warning",
      where: "director",
      what: "No virtual service is configured in this network namespace.",
      why: "Packets pass as if there were no balancer.",
      remedy: { kind: "advice", command: "ipvsadm -A -t VIP:PORT -s wlc" },
    },
  ];
}
