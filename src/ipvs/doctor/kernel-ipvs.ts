import { serviceId } from "../model.ts";
import type { HostFacts } from "./facts.ts";
import type { Finding } from "./finding.ts";

/** How many are named. */
const FEW = 3;

/**
 * Hands the kernel's services over. The kernel's are removed only if all of their lines are lines of ours then: the status of `ipvsadm -R` tells
 * of the last one alone. Thresholds, which are not saved, are kept in a file.
 */
const HAND_OVER = [
  "/sbin/ipvsadm -L -n --thresholds > thresholds",
  "/sbin/ipvsadm-save -n > services",
  "{ ipvsadm -R < services; ipvsadm -S -n | sort -u > ours; sort -u ours services | diff ours -; }",
  "/sbin/ipvsadm -C",
].join(" && ");

/** Whether the kernel's own IPVS has services in this namespace. */
export function checkKernelIpvs({ kernelServices, director }: HostFacts): Finding[] {
  if (kernelServices.length === 0) return [];
  const ours = new Set((director?.services ?? []).map(({ service }) => serviceId(service.key)));
  const both = kernelServices.filter((each) => ours.has(each));
  const named = kernelServices.slice(0, FEW).join(", ");
  const seen =
    both.length > 0
      ? `lvs has ${both.length === 1 ? "one" : `${both.length}`} of them, too, and sees packets first: counters and connections of the kernel's stand still.`
      : "lvs does not know of them, and its ipvsadm does not show them.";
  const more = kernelServices.length > FEW ? " and others" : "";
  return [
    {
      code: "kernel-ipvs",
      severity: "warning",
      where: "ip_vs",
      what: `The kernel's own IPVS is active, with ${kernelServices.length} services: ${named}${more}.`,
      why: `${seen} Thresholds are not among what is saved and handed over; the command keeps them in a file. Set them anew, by ipvsadm -e with all else of the server.`,
      remedy: { kind: "advice", command: HAND_OVER },
    },
  ];
}
