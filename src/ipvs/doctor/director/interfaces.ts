import { shellWord } from "../../shell-word.ts";
import type { HostFacts, LinkFacts } from "../facts.ts";
import type { Finding } from "../finding.ts";
import { clientLinks, type DirectorCheck, serversOf } from "./view.ts";

/** Whether the datapath is where packets come in, and whether they can. */
export const checkInterfaces: DirectorCheck = (director, host) => {
  if (director.services.length === 0) return [];
  const forClients = new Set(clientLinks(director, host).map(({ name }) => name));
  const servers = serversOf(director).filter(({ way }) => way !== null && !way.local);
  const forServers = new Set(servers.map(({ way }) => way!.link));
  const forAnswers = new Set(
    servers
      .filter(({ server }) => server.method === "masquerade" || server.method === "fullnat")
      .map(({ way }) => way!.link),
  );
  return host.links
    .filter(({ loopback }) => !loopback)
    .flatMap((link) => {
      const clients = forClients.has(link.name);
      const answers = forAnswers.has(link.name);
      return [
        ...(clients || answers ? attachment(link, clients) : []),
        ...(clients || forServers.has(link.name) ? carrier(link) : []),
      ];
    })
    .concat(localClients(director.status.localClients, host));
};

function attachment({ name, datapath }: LinkFacts, clients: boolean): Finding[] {
  if (datapath === "attached") return [];
  const who = clients ? "Clients are reached" : "Masqueraded servers are reached";
  const follows = clients
    ? "Packets of clients that come in there are not balanced: they end at this host itself."
    : "What the servers answer is not translated, and clients do not take it.";
  const finding = { code: "interface-not-attached", where: name, why: follows } as const;
  if (datapath === "missing") {
    const what = `${who} by ${name}, which has no datapath: it came after the last change of the configuration.`;
    return [{ ...finding, severity: "error", what, remedy: { kind: "attach", interfaces: [name] } }];
  }
  if (datapath === "forbidden") {
    const what = `${who} by ${name}, from which the datapath was taken by \`lvs detach\`.`;
    return [
      {
        ...finding,
        severity: "warning",
        what,
        remedy: { kind: "advice", command: `lvs attach ${shellWord(name)}` },
      },
    ];
  }
  const what = `${who} by ${name}, which the datapath cannot be attached to: it carries no Ethernet frames.`;
  return [{ ...finding, severity: "warning", what, remedy: null }];
}

function carrier({ name, up, carrier: has }: LinkFacts): Finding[] {
  if (up && has) return [];
  return [
    {
      code: "interface-down",
      severity: "error",
      where: name,
      what: up ? `${name} has no carrier.` : `${name} is down.`,
      why: "Clients or servers are reached by it.",
      remedy: up ? null : { kind: "advice", command: `ip link set ${shellWord(name)} up` },
    },
  ];
}

const ACCEPT_LOCAL = "net.ipv4.conf.lo.accept_local";

/** Loopback is where fragments and answers to the director's own clients are handed to the kernel. */
function localClients(served: boolean, host: HostFacts): Finding[] {
  const loopback = host.links.find((each) => each.loopback);
  if (served || loopback === undefined || loopback.datapath === "forbidden") return [];
  const attached = loopback.datapath === "attached";
  // Attaching sets it, if it can.
  const unset = attached && host.sysctlsReadOnly;
  return [
    {
      code: "loopback-not-ready",
      severity: "warning",
      where: loopback.name,
      what: unset
        ? `${ACCEPT_LOCAL} is 0.`
        : attached
          ? `${ACCEPT_LOCAL} has been set back to 0.`
          : `${loopback.name} has no datapath.`,
      why: "Clients on the director itself are not served, and packets that the kernel has to cut are lost.",
      remedy: unset
        ? { kind: "sysctl", settings: [[ACCEPT_LOCAL, 1]] }
        : { kind: "attach", interfaces: [loopback.name] },
    },
  ];
}
