import type { PortRange } from "../facts.ts";
import type { Finding } from "../finding.ts";
import { optionOf } from "./services.ts";
import { type DirectorCheck, onlyOnce, type ServerView, serversOf, serviceText } from "./view.ts";

/** What FullNAT uses of the host's own address, and of addresses that were given to services. docs/forwarding/fullnat.md. */
const OWN_PORTS: PortRange = { first: 1024, last: 32767 };
const GIVEN_PORTS: PortRange = { first: 1024, last: 65535 };

/** Whether FullNAT and the host's own sockets may take the same address and port towards a server: neither knows of the other's. */
export const checkSharedPorts: DirectorCheck = (director, { localPorts }) => {
  if (localPorts === null) return [];
  const views = serversOf(director).filter(({ server }) => server.method === "fullnat");
  return [...ownAddresses(views, localPorts), ...onlyOnce(views.flatMap((view) => given(view, localPorts)))];
};

const WHY =
  "Connections of the host's own to the same server and port (health checks, curl) may take the address and port of a client's: their answers go to the client, and they hang.";

/** Services without local addresses. */
function ownAddresses(views: readonly ServerView[], localPorts: PortRange): Finding[] {
  if (!overlap(OWN_PORTS, localPorts)) return [];
  const affected = views.filter(({ service }) => service.localAddresses.length === 0);
  const sources = [...new Set(affected.flatMap(({ way }) => way?.source ?? []))];
  if (sources.length === 0) return [];
  return [
    {
      code: "ports-shared",
      severity: "warning",
      where: "net.ipv4.ip_local_port_range",
      what: `It is ${text(localPorts)}, and FullNAT uses the ports ${text(OWN_PORTS)} of the host's own ${sources.length === 1 ? "address" : "addresses"} ${sources.join(", ")}.`,
      why: `${WHY} Services with local addresses for FullNAT alone (ipvsadm -P SERVICE -z LIP) do without.`,
      remedy: { kind: "advice", command: 'sysctl -w net.ipv4.ip_local_port_range="32768 60999"' },
    },
  ];
}

/** A service whose local address is the one that the host itself uses towards the server: no range of the host's own leaves room there. */
function given({ service, way }: ServerView, localPorts: PortRange): Finding[] {
  const source = way?.source ?? null;
  if (source === null || !service.localAddresses.includes(source)) return [];
  if (!overlap(GIVEN_PORTS, localPorts)) return [];
  const where = serviceText(service.service.key);
  const option = optionOf(where);
  return [
    {
      code: "ports-shared",
      severity: "warning",
      where,
      what: `Its local address ${source} is the one that the host itself uses towards its servers, and of local addresses FullNAT uses the ports ${text(GIVEN_PORTS)}.`,
      why: WHY,
      remedy: {
        kind: "advice",
        command: `ipvsadm -P ${option} -z LIP && ipvsadm -Q ${option} -z ${source}`,
      },
    },
  ];
}

function overlap(a: PortRange, b: PortRange): boolean {
  return a.first <= b.last && b.first <= a.last;
}

function text({ first, last }: PortRange): string {
  return `${first} … ${last}`;
}
