import { sysctlOf } from "../director/forwarding.ts";
import type { Finding } from "../finding.ts";
import { outsideLinks, type RealServerCheck, tunnelEnds, virtualAddresses } from "./view.ts";

const STRICT = 1;
const LOOSE = 2;

/** Whether the kernel drops clients' packets because their answers would leave elsewhere. IPv6 has no such check. */
export const checkReversePath: RealServerCheck = (host) => {
  if (!virtualAddresses(host).some(({ family }) => family === 4)) return [];
  const ends = tunnelEnds(host);
  const tunnels = ends
    .filter(({ reversePathFilter }) => reversePathFilter === STRICT)
    .map(
      ({ name }): Finding => ({
        code: "reverse-path-filter",
        severity: "error",
        where: name,
        what: `rp_filter of ${name} is 1 (strict).`,
        why: "Packets come out of the tunnel, and their answers leave by another interface: the kernel takes their senders for forged and drops them.",
        remedy: { kind: "sysctl", settings: [[sysctlOf(name, "rp_filter"), LOOSE]] },
      }),
    );
  const isTold = ends.length > 0 || host.started.some(({ mode }) => mode === "tun");
  return isTold ? tunnels : severalInterfaces(host);
};

/** Under direct routing the director may send by an interface other than that by which answers leave. It is not known which. */
const severalInterfaces: RealServerCheck = (host) => {
  const links = outsideLinks(host);
  const ways = host.defaultRoutes.filter(({ family }) => family === 4).map(({ link }) => link);
  if (ways.length === 0 || links.length < 2) return [];
  return links
    .filter(({ name, reversePathFilter }) => reversePathFilter === STRICT && !ways.includes(name))
    .filter(({ name }) => host.addresses.some(({ link, family }) => link === name && family === 4))
    .map(({ name }) => ({
      code: "reverse-path-filter",
      severity: "note",
      where: name,
      what: `rp_filter of ${name} is 1 (strict), and the default route leaves by another interface.`,
      why: "If the director is reached by it, packets of clients from other networks are dropped.",
      remedy: { kind: "sysctl", settings: [[sysctlOf(name, "rp_filter"), LOOSE]] },
    }));
};
