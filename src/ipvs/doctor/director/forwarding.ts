import { interfaceSysctl } from "../../realserver/facts.ts";
import { shownSysctl } from "../../realserver/model.ts";
import type { Finding } from "../finding.ts";
import {
  clientLinks,
  type DirectorCheck,
  familyOf,
  findLink,
  linksOfNetwork,
  serversOf,
  virtualAddresses,
} from "./view.ts";

/** Sysctls of the kernel that keep packets from being forwarded, or from coming back. */
export const checkForwarding: DirectorCheck = (director, host) => [
  ...director.status.forwardingOff.map(forwardingOff),
  ...loopbackForwarding(director, host),
];

function forwardingOff(name: string): Finding {
  return {
    code: "forwarding-off",
    severity: "error",
    where: name,
    what: `${name} is 0.`,
    why: "The kernel tells no ways for packets that come in, and forwards none itself: nothing gets to masqueraded servers, and to FullNAT servers at best by loopback, slowly.",
    remedy: { kind: "sysctl", settings: [[name, 1]] },
  };
}

/**
 * Ways to servers under direct routing and in tunnels are looked up as for packets that come from loopback, or, where that does not
 * forward, from where they came in.
 */
const loopbackForwarding: DirectorCheck = (director, host) => {
  const loopback = host.links.find((each) => each.loopback);
  const families = new Set(
    serversOf(director)
      .filter(({ server: { method } }) => method === "route" || method === "tunnel")
      .map(({ server }) => familyOf(server.address)),
  );
  if (loopback === undefined) return [];
  return [...families]
    .filter((family) => !loopback.forwarding[family])
    .filter((family) => clientLinks(director, host).some(({ forwarding }) => !forwarding[family]))
    .map((family) => {
      const name = `net.ipv${family}.conf.${loopback.name}.forwarding`;
      const global = family === 4 ? "net.ipv4.ip_forward" : "net.ipv6.conf.all.forwarding";
      return {
        code: "loopback-forwarding-off",
        severity: "error",
        where: name,
        what: host.sysctlsReadOnly
          ? `${name} is 0.`
          : `${name} is 0, though attaching sets it: setting ${global} to 0 sets it back, too.`,
        why: "Ways to servers under direct routing and in tunnels are looked up from loopback: nothing is forwarded to them.",
        remedy: { kind: "sysctl", settings: [[name, 1]] },
      };
    });
};

/**
 * Masquerading with clients and servers by the same interface: what servers send past the datapath (their own connections, pings) makes the
 * kernel tell them a shorter way, which they then take for their answers as well.
 */
export const checkRedirects: DirectorCheck = (director, host) => {
  const outside = new Set(clientLinks(director, host).map(({ name }) => name));
  const links = new Set(
    serversOf(director)
      .filter(
        ({ server, way }) =>
          server.method === "masquerade" && server.family === 4 && way !== null && !way.local,
      )
      .map(({ way }) => way!.link),
  );
  return [...links]
    .filter((name) => outside.has(name) && findLink(host, name)?.sendRedirects === true)
    .map((name) => ({
      code: "send-redirects",
      severity: "warning",
      where: name,
      what: `Clients and masqueraded servers are reached by the same interface, ${name}, and net.ipv4.conf.${name}.send_redirects (or that of all) is 1.`,
      why: "When a server sends something of its own to a client's host, the director tells it a shorter way; its answers then bypass the director, and clients do not take them.",
      remedy: {
        kind: "sysctl",
        settings: [
          ["net.ipv4.conf.all.send_redirects", 0],
          [sysctlOf(name, "send_redirects"), 0],
        ],
      },
    }));
};

/** Only what goes up the director's own stack is checked for where it comes from: packets for servers on the director itself. */
export const checkReversePath: DirectorCheck = (director, host) => {
  const local = serversOf(director).filter(
    ({ way, server }) => server.method === "local" || way?.local === true,
  );
  if (!local.some(({ server }) => server.family === 4)) return [];
  const ways = host.defaultRoutes.filter(({ family }) => family === 4).map(({ link }) => link);
  const answers = ways[0] ?? null;
  if (answers === null) return [];
  const suspects = new Set(
    [...virtualAddresses(director).keys()]
      .filter((address) => familyOf(address) === 4)
      .flatMap((address) => linksOfNetwork(host, address)),
  );
  return [...suspects]
    .filter(({ name, reversePathFilter }) => reversePathFilter === 1 && !ways.includes(name))
    .map(({ name }) => ({
      code: "reverse-path-filter",
      severity: "warning",
      where: name,
      what: `A virtual address is in a network at ${name}, whose rp_filter is 1 (strict), while the default route leaves by ${answers}.`,
      why: "Packets for servers on the director itself that come in there from other networks are dropped.",
      remedy: { kind: "sysctl", settings: [[sysctlOf(name, "rp_filter"), 2]] },
    }));
};

/** The name of an interface's setting; with slashes where the interface's name has dots. */
export function sysctlOf(link: string, setting: string): string {
  return shownSysctl(interfaceSysctl(link, setting));
}
