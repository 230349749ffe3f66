import { ip, prefixContains } from "../../../net/index.ts";
import { type Destination, IPIP } from "../../model.ts";
import type { AddressFacts, HostFacts } from "../facts.ts";
import type { Finding } from "../finding.ts";
import { atHost, editServer, withAllCommands } from "./advice.ts";
import { type DirectorCheck, onlyOnce, type ServerView, serversOf } from "./view.ts";

/** Whether the network between director and servers fits each forwarding method. */
export const checkWays: DirectorCheck = (director, host) => {
  const servers = serversOf(director).filter(({ way }) => way !== null && !way.local);
  return [
    ...withAllCommands(servers.flatMap(directRouting)),
    ...onlyOnce(servers.flatMap(gateway)),
    ...withAllCommands(servers.flatMap(behindRouter)),
    ...withAllCommands(servers.flatMap((view) => sameNetwork(view, host))),
    ...director.bypassing.map(({ client, server, service }) => ({
      code: "nat-client-bypasses",
      severity: "warning" as const,
      where: server,
      what: `${client}, a client of ${service.replace("/", " ")}, is in the real server's own network.`,
      why: "The server answers it directly, with its own address, and the client does not take that.",
      remedy: { kind: "advice" as const, command: atHost(server, `ip route add ${client} via DIRECTOR`) },
    })),
    ...localAddresses(director),
  ];
};

function directRouting({ service, server, way }: ServerView): Finding[] {
  if (server.method !== "route" || way?.via == null) return [];
  return [
    {
      code: "dr-not-on-link",
      severity: "error",
      where: server.address,
      what: `The way to the real server leads through the gateway ${way.via}.`,
      why: "Under direct routing packets stay addressed to the virtual address: the gateway sends them back to the director, or drops them.",
      remedy: {
        kind: "advice",
        command: editServer(service.service.key, server, { method: "tunnel", tunnel: IPIP }),
      },
    },
  ];
}

/** Evidence: the server answers the director, but not the same host under an address of another network. */
function gateway({ server, way, probe, where }: ServerView): Finding[] {
  if (probe?.from == null || probe.from.outcome !== "silent") return [];
  const { address } = probe.from;
  if (server.method === "fullnat") {
    return [
      {
        code: "fullnat-local-address",
        severity: "error",
        where,
        what: `The real server answers the director's own address${way?.source == null ? "" : ` ${way.source}`}, but not the local address ${address}.`,
        why: "What it sends to that address does not come here.",
        remedy: {
          kind: "advice",
          command: atHost(server.address, `ip route add ${address} via ${way?.source ?? "DIRECTOR"}`),
        },
      },
    ];
  }
  return [
    {
      code: "nat-gateway",
      severity: "error",
      where: server.address,
      what: `The real server answers${way?.source == null ? " the director" : ` ${way.source}`}, but not ${address}: its answers to other networks do not come back by ${way?.link}.`,
      why: "Masqueraded answers must pass the director: the server's default route must lead to it.",
      remedy: {
        kind: "advice",
        command: atHost(server.address, `ip route replace default via ${way?.source ?? "DIRECTOR"}`),
      },
    },
  ];
}

function behindRouter({ service, server, way }: ServerView): Finding[] {
  if (server.method !== "masquerade" || way?.via == null) return [];
  return [
    {
      code: "nat-not-on-link",
      severity: "warning",
      where: server.address,
      what: `The way to the masqueraded server leads through the gateway ${way.via}.`,
      why: "The director cannot be its default gateway, so each router in between must lead its answers to clients here.",
      remedy: {
        kind: "advice",
        command: editServer(service.service.key, server, { method: "fullnat" }),
      },
    },
  ];
}

/** The virtual address is in the servers' network: its clients there hear from the servers themselves. */
function sameNetwork({ server, way, service: { service } }: ServerView, host: HostFacts): Finding[] {
  const { key } = service;
  if (server.method !== "masquerade" || key.kind !== "address" || way === null || way.via !== null) return [];
  const network = host.addresses.find(
    (each) => each.link === way.link && contains(each, key.address) && contains(each, server.address),
  );
  if (network === undefined) return [];
  // Direct routing leaves the port as clients have it.
  const method: Destination["method"] = server.port === key.port ? "route" : "fullnat";
  return [
    {
      code: "nat-same-network",
      severity: "warning",
      where: `${key.address} -> ${server.address}`,
      what: `Virtual address and masqueraded server are in one network, on ${way.link}.`,
      why: "Clients in that network get answers from the server directly, and do not take them. Clients elsewhere are served.",
      remedy: { kind: "advice", command: editServer(key, server, { method }) },
    },
  ];
}

function contains({ address, length }: AddressFacts, other: string): boolean {
  return prefixContains({ address: ip(address), length }, ip(other));
}

function localAddresses(director: Parameters<DirectorCheck>[0]): Finding[] {
  const addresses = new Set(director.services.flatMap((service) => service.localAddresses));
  return [...addresses]
    .filter((address) => !director.own.has(address))
    .map((address) => ({
      code: "local-address-missing",
      severity: "warning",
      where: address,
      what: "The local address for FullNAT is none of this host's own.",
      why: "Servers see it as their peer; their answers come back only if somebody routes them here.",
      remedy: {
        kind: "advice",
        command: `ip addr add ${address}/${address.includes(":") ? 128 : 32} dev lo`,
      },
    }));
}
