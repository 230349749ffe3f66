import { shellWord } from "../../shell-word.ts";
import type { Finding } from "../finding.ts";
import { atHost } from "./advice.ts";
import { type DirectorCheck, type ServerView, serversOf } from "./view.ts";

/** Whether real servers can be reached, and answer where that can be asked for. */
export const checkServers: DirectorCheck = (director) => {
  const seen = new Set<string>();
  return serversOf(director)
    .filter(({ server }) => server.method !== "local" && server.method !== "bypass")
    .flatMap(reach)
    .filter(({ code, where }) => {
      // One that cannot be reached is told once, not for each of its services.
      const id = `${code} ${where}`;
      return seen.has(id) ? false : seen.add(id);
    });
};

function reach({ server, way, probe, where, service }: ServerView): Finding[] {
  const { address, method } = server;
  if (way === null) {
    return [
      {
        code: "server-no-route",
        severity: "error",
        where: address,
        what: "There is no route to the real server.",
        why: "Connections that are given to it come to nothing.",
        remedy: { kind: "advice", command: `ip route add ${address} via GATEWAY` },
      },
    ];
  }
  if (way.local) return [];
  if (way.neighbour === "failed") {
    const hop = way.via === null ? "It" : `Its gateway ${way.via}`;
    const asked = server.family === 4 ? "ARP" : "neighbour solicitations";
    return [
      {
        code: "server-no-neighbour",
        severity: "error",
        where: address,
        what: `${hop} does not answer ${asked} on ${way.link}.`,
        why: "The host is down, on another network, or its address is another one. Connections that are given to it come to nothing.",
        remedy: { kind: "advice", command: `ip neigh show ${way.via ?? address} dev ${shellWord(way.link)}` },
      },
    ];
  }
  const isTcp = service.service.key.kind === "address" && service.service.key.protocol === "tcp";
  // Under direct routing and in tunnels the program listens at the virtual address, which cannot be asked from here.
  const listens = (method === "masquerade" || method === "fullnat") && isTcp;
  if (probe?.plain === "refused" && listens) {
    return [
      {
        code: "server-refuses",
        severity: "error",
        where,
        what: "The real server refuses connections to that port.",
        why: "No program listens there, or its firewall rejects what comes from the director.",
        remedy: { kind: "advice", command: atHost(address, `ss -ltn 'sport = :${server.port}'`) },
      },
    ];
  }
  if (probe?.plain === "silent" || probe?.plain === "unreachable") {
    return [
      {
        code: "server-silent",
        severity: "warning",
        where,
        what:
          probe.plain === "silent"
            ? "The real server did not answer a connection from the director within a second."
            : "A connection from the director to the real server was answered with an ICMP error.",
        why: "The host is down, or a firewall swallows what comes from the director.",
        remedy: { kind: "advice", command: `ping -c 3 ${address}` },
      },
    ];
  }
  return [];
}
