import { sysctlOf } from "../director/forwarding.ts";
import type { LinkFacts } from "../facts.ts";
import type { Finding } from "../finding.ts";
import { outsideLinks, type RealServerCheck, virtualAddresses } from "./view.ts";

/**
 * Values of arp_ignore with which an address on loopback is not answered for. 3 answers for those of global scope; 4 to 7 mean
 * nothing (ip-sysctl.rst).
 */
const KEEPS_QUIET: ReadonlySet<number> = new Set([1, 2, 8]);
const BEST_LOCAL_ADDRESS = 2;

/** Whether the host keeps quiet about virtual addresses that it has on loopback. IPv6 keeps quiet by itself. */
export const checkArp: RealServerCheck = (host) => {
  const held = virtualAddresses(host).filter(({ family }) => family === 4);
  if (held.length === 0) return [];
  const names = [...new Set(held.map(({ address }) => address))].join(", ");
  const links = outsideLinks(host);
  return [
    ...links
      .filter(({ arpIgnore }) => !KEEPS_QUIET.has(arpIgnore))
      .map(
        (link): Finding => ({
          code: "arp-ignore",
          severity: "error",
          where: link.name,
          what: `arp_ignore of ${link.name} is ${link.arpIgnore}.`,
          why: `The host answers ARP for ${names}, as the director does: clients and routers that hear it first come here, past the director.`,
          remedy: { kind: "sysctl", settings: [mend(link, "arp_ignore", link.arpIgnore, 1)] },
        }),
      ),
    ...links
      .filter(({ arpAnnounce }) => arpAnnounce < BEST_LOCAL_ADDRESS)
      .map(
        (link): Finding => ({
          code: "arp-announce",
          severity: "warning",
          where: link.name,
          what: `arp_announce of ${link.name} is ${link.arpAnnounce}.`,
          why: `When the host answers a client, it may ask for the next hop in the name of ${names}: that hop then learns that the address is here.`,
          remedy: { kind: "sysctl", settings: [["net.ipv4.conf.all.arp_announce", BEST_LOCAL_ADDRESS]] },
        }),
      ),
  ];
};

/** The greater of an interface's own value and that of "all" holds: a wrong one that is greater can only be set where it stands. */
function mend(
  { name }: LinkFacts,
  setting: string,
  present: number,
  wanted: number,
): readonly [string, number] {
  return present < wanted ? [`net.ipv4.conf.all.${setting}`, wanted] : [sysctlOf(name, setting), wanted];
}
