import { serviceId } from "../model.ts";
import type { HostFacts } from "./facts.ts";
import type { Finding } from "./finding.ts";

/** How many are named. */
const FEW = 3;

/** Whether the kernel's own IPVS has services in this namespace. */
export function checkKernelIpvs({ kernelServices, director }: HostFacts): Finding[] {
  if (kernelServices.length === 0) return [];
  const ours = new Set((director?.services ?? []).map(({ service }) => serviceId(service.key)));
  const both = kernelServices.filter((each) => ours.has(each));
  const named = kernelServices.slice(0, FEW).join(", ");
  const more = kernelServices.length > FEW ? " and others" : "";
  return [
    {
      code: "kernel-ipvs",
      severity: "warning",
      where: "ip_vs",
      what: `The kernel's own IPVS is active, with ${kernelServices.length} services: ${named}${more}.`,
      why:
        both.length > 0
          ? `lvs has ${both.length === 1 ? "one" : `${both.length}`} of them, too, and sees packets first: counters and connections of the kernel's stand still.`
          : "lvs does not know of them, and its ipvsadm does not show them.",
      remedy: { kind: "advice", command: "/sbin/ipvsadm-save -n | ipvsadm -R && /sbin/ipvsadm -C" },
    },
  ];
}
