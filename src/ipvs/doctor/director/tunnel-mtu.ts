import type { Tunnel } from "../../model.ts";
import { shellWord } from "../../shell-word.ts";
import type { Finding } from "../finding.ts";
import { clientLinks, type DirectorCheck, familyOf, serversOf } from "./view.ts";

/** What every way over IPv6 carries (RFC 8200, section 5), and what every IPv4 host takes (RFC 791, section 3.2). */
const LEAST = { 4: 576, 6: 1280 } as const;
/** Of most clients: those behind other networks seldom send larger packets. */
const USUAL = 1500;
const IPV4_HEADER = 20;
const IPV6_HEADER = 40;
/** UDP and GUE; GRE; the checksum of GRE. */
const GUE = 8 + 4;
const GRE = 4;
const GRE_CHECKSUM = 4;

/** Bytes that a tunnel adds to a packet, its outer IP header included. */
export function tunnelOverhead({ type, checksum }: Tunnel, outer: 4 | 6): number {
  const header = outer === 4 ? IPV4_HEADER : IPV6_HEADER;
  if (type === "gue") return header + GUE;
  if (type === "gre") return header + GRE + (checksum === "none" ? 0 : GRE_CHECKSUM);
  return header;
}

/** Whether clients' packets fit into the tunnels. */
export const checkTunnelMtu: DirectorCheck = (director, host) => {
  const widest = Math.max(0, ...clientLinks(director, host).map(({ mtu }) => Math.min(mtu, USUAL)));
  const found = new Map<string, Finding>();
  for (const { server, way, service } of serversOf(director)) {
    if (server.method !== "tunnel" || server.tunnel === null || way === null || way.local) continue;
    const overhead = tunnelOverhead(server.tunnel, familyOf(server.address));
    const inside = way.mtu - overhead;
    const { family } = service.service.key;
    const finding = findingOf({ inside, overhead, mtu: way.mtu, widest, least: LEAST[family] });
    const where = `${server.address} (${server.tunnel.type}, IPv${family})`;
    const pmtu = director.pathMtuDiscovery || family === 6;
    if (finding !== null && !found.has(where)) {
      found.set(where, {
        ...finding,
        where,
        why: finding.severity === "error" ? finding.why : pmtu ? TOLD : CUT,
        remedy: {
          kind: "advice",
          command: `ip link set ${shellWord(way.link)} mtu ${Math.max(widest, LEAST[family]) + overhead}`,
        },
      });
    }
  }
  return [...found.values()];
};

const TOLD =
  "Clients are told by ICMP, and send smaller packets; where that is lost on the way to them, uploads hang. Let the network carry more, or have servers announce a smaller segment size (ip route … advmss).";
const CUT = "pmtu_disc is 0: packets go in fragments, which the servers must put together.";

function findingOf({
  inside,
  overhead,
  mtu,
  widest,
  least,
}: {
  inside: number;
  overhead: number;
  mtu: number;
  widest: number;
  least: number;
}): Pick<Finding, "code" | "severity" | "what" | "why"> | null {
  const room = `The way to the server carries ${mtu} bytes, the tunnel takes ${overhead} of them, so ${inside} are left`;
  if (inside < least) {
    return {
      code: "tunnel-mtu",
      severity: "error",
      what: `${room}.`,
      why: `That is less than the ${least} bytes that clients may take for granted: some packets can never get through.`,
    };
  }
  if (inside >= widest) return null;
  return { code: "tunnel-mtu", severity: "warning", what: `${room}; clients may send ${widest}.`, why: TOLD };
}
