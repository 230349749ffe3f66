import type { ServiceKey } from "../../model.ts";
import { shellWord } from "../../shell-word.ts";
import type { HostFacts } from "../facts.ts";
import type { Finding } from "../finding.ts";
import { type Dropped, findDrop } from "../firewall/judge.ts";
import type { Firewall } from "../firewall/model.ts";
import { type DirectorCheck, type ServerView, serversOf, serviceText } from "./view.ts";

/**
 * Rules of the host's firewall that drop packets of services. The datapath is before netfilter, so they matter only for what goes up the
 * stack: packets for servers on the director itself, and datagrams that the kernel has to cut.
 */
export const checkDirectorFirewall: DirectorCheck = (director, host) => [
  ...director.services.flatMap(({ service: { key } }) => before(key, director.ownRules)),
  ...serversOf(director).flatMap((view) => {
    const isLocal = view.server.method === "local" || view.way?.local === true;
    return isLocal ? input(view, host) : forward(view, host);
  }),
];

/** Rules of our own come before the datapath, and may drop. */
function before(key: ServiceKey, rules: Firewall): Finding[] {
  if (key.kind !== "address") return [];
  const { family, protocol, address: destination, port } = key;
  const dropped = findDrop(rules, ["prerouting"], {
    ...{ family, protocol, destination, port: port || null, input: null },
  });
  if (dropped === null) return [];
  return [
    {
      code: "rules-drop",
      severity: "error",
      where: serviceText(key),
      what: `Rules before the datapath drop the packets: ${textOf(dropped)}.`,
      why: "The service gets none of them.",
      remedy: {
        kind: "advice",
        command: `${family === 4 ? "iptables" : "ip6tables"} -t mangle -L -n -v --line-numbers`,
      },
    },
  ];
}

function input({ server, service: { service }, where }: ServerView, host: HostFacts): Finding[] {
  const { key } = service;
  if (key.kind !== "address") return [];
  const translated = server.method === "masquerade" || server.method === "fullnat";
  const dropped = findDrop(host.firewall, ["prerouting", "input"], {
    family: key.family,
    protocol: key.protocol,
    destination: translated ? server.address : key.address,
    port: (translated ? server.port : key.port) || null,
    input: null,
  });
  if (dropped === null) return [];
  return [
    {
      code: "firewall-input",
      severity: "error",
      where,
      what: `This host's firewall drops the packets: ${textOf(dropped)}.`,
      why: "The server is the director itself; what is given to it passes the host's own rules.",
      remedy: allow(dropped, `-p ${key.protocol} -d ${key.address} --dport ${key.port}`),
    },
  ];
}

function forward({ server, service: { service } }: ServerView, host: HostFacts): Finding[] {
  const { key } = service;
  if (key.kind !== "address" || key.protocol !== "udp" || server.method !== "masquerade") return [];
  const dropped = findDrop(host.firewall, ["forward"], {
    family: key.family,
    protocol: key.protocol,
    destination: server.address,
    port: server.port || null,
    input: null,
  });
  if (dropped === null) return [];
  return [
    {
      code: "firewall-forward",
      severity: "note",
      where: `${serviceText(key)} -> ${server.address}`,
      what: `This host's firewall drops what it forwards there: ${textOf(dropped)}.`,
      why: "Packets that fit the way are not affected: they never come to it. Datagrams that have to be cut are dropped.",
      remedy: allow(dropped, `-p udp -d ${server.address}`),
    },
  ];
}

/** "iptables -t filter -A INPUT -j DROP", or the chain's policy. */
export function textOf({ chain, rule }: Dropped): string {
  return rule === null ? `${chain}, by its policy` : rule.text;
}

/** A rule before the one that drops. Null for nftables, whose tables people name as they like. */
export function allow({ chain }: Dropped, what: string): Finding["remedy"] {
  const [, program, table, name] = /^(ip6?tables) -t (\S+), chain (\S+)$/.exec(chain) ?? [];
  if (program === undefined) return { kind: "advice", command: `nft -a list ruleset    # ${chain}` };
  return { kind: "advice", command: `${program} -t ${table} -I ${shellWord(name!)} ${what} -j ACCEPT` };
}
