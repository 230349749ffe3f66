import type { PortRange } from "../facts.ts";
import { type DirectorCheck, serversOf } from "./view.ts";

/** What FullNAT uses of the address that the host itself uses towards a server. docs/forwarding/fullnat.md. */
const OWN_PORTS: PortRange = { first: 1024, last: 32767 };

/** Whether FullNAT and the host's own sockets may take the same address and port towards a server: neither knows of the other's. */
export const checkSharedPorts: DirectorCheck = (director, { localPorts }) => {
  if (localPorts === null || !overlap(OWN_PORTS, localPorts)) return [];
  const sources = serversOf(director).flatMap(({ server, service: { localAddresses }, way }) => {
    const source = way?.source ?? null;
    if (server.method !== "fullnat" || source === null) return [];
    return localAddresses.length === 0 || localAddresses.includes(source) ? [source] : [];
  });
  const addresses = [...new Set(sources)];
  if (addresses.length === 0) return [];
  return [
    {
      code: "ports-shared",
      severity: "warning",
      where: "net.ipv4.ip_local_port_range",
      what: `It is ${text(localPorts)}, and FullNAT uses the ports ${text(OWN_PORTS)} of the host's own ${addresses.length === 1 ? "address" : "addresses"} ${addresses.join(", ")}.`,
      why: "Connections of the host's own to the same server and port (health checks, curl) may take the address and port of a client's: their answers go to the client, and they hang. Services with local addresses for FullNAT alone (ipvsadm -P SERVICE -z LIP) do without.",
      remedy: { kind: "advice", command: 'sysctl -w net.ipv4.ip_local_port_range="32768 60999"' },
    },
  ];
};

function overlap(a: PortRange, b: PortRange): boolean {
  return a.first <= b.last && b.first <= a.last;
}

function text({ first, last }: PortRange): string {
  return `${first} … ${last}`;
}
