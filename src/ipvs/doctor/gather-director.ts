/** What is known of the director of the calling thread's network namespace. */
import {
  type Link,
  listAddresses,
  listNeighbours,
  lookUpRoute,
  type NetlinkSocket,
  NUD,
  type Route,
  RTN,
  SystemError,
} from "../../linux/index.ts";
import { formatIp, ip, prefixContains } from "../../net/index.ts";
import type { Administration } from "../administration.ts";
import type { RecordedHost } from "../director/recorded.ts";
import type { DirectorStatus } from "../director/status.ts";
import { IpvsError } from "../errors.ts";
import { destinationId, type ServiceStatus, serviceId } from "../model.ts";
import type { RuleAdministration } from "../rules/administration.ts";
import type { RuleSet } from "../rules/model.ts";
import { probeServers, probeVirtualAddresses } from "./ask.ts";
import { type Bypassing, type DirectorFacts, type MarkGiven, probeId, type Way } from "./facts.ts";
import { ownChains } from "./firewall/own-rules.ts";
import { changedSettings, NOTHING_CHANGED } from "./settings.ts";

interface Sources {
  readonly rules: RuleAdministration;
  readonly status: DirectorStatus;
  readonly administration: Administration;
  readonly recorded: RecordedHost;
  readonly socket: NetlinkSocket;
  readonly links: readonly Link[];
  readonly probe: boolean;
}

/** How many connections are looked through, and how many of those found are told. */
const MOST_CONNECTIONS = 200_000;
const MOST_BYPASSING = 3;

export function gatherDirector({
  status,
  administration,
  rules,
  recorded,
  socket,
  links,
  probe,
}: Sources): DirectorFacts {
  const services = status.state === "ready" ? administration.services() : [];
  const ruleSets = status.state === "ready" ? ([4, 6] as const).map((family) => rules.ruleSet(family)) : [];
  const servers = new Set(
    services.flatMap(({ destinations }) => destinations.map((each) => each.destination.address)),
  );
  const named = new Set([
    ...services.flatMap(({ service: { key }, localAddresses }) => [
      ...(key.kind === "address" ? [key.address] : []),
      ...localAddresses,
    ]),
    ...recorded.servers.flatMap(({ source }) => source ?? []),
  ]);
  const own = new Set([...named].filter((address) => lookUp(socket, address)?.type === RTN.LOCAL));
  const before = waysTo(servers, socket, links, false);
  const probes = probe ? probeServers(services, before, own) : new Map();
  return {
    status,
    services,
    // Neighbours are known better once servers have been asked.
    ways: probe ? waysTo(servers, socket, links, true) : before,
    own,
    recorded: new Map(
      recorded.servers.map((each) => [probeId(serviceId(each.service), destinationId(each)), each]),
    ),
    probes,
    otherOwners: probe ? probeVirtualAddresses(services, own, listAddresses(socket), links) : new Map(),
    bypassing: status.state === "ready" ? findBypassing(administration, services, before, socket) : [],
    pathMtuDiscovery: sysctlIsOn(administration, status, "pmtu_disc"),
    ownRules: { chains: ruleSets.flatMap(ownChains) },
    markRules: status.state === "ready" ? { 4: marksGiven(ruleSets[0]!), 6: marksGiven(ruleSets[1]!) } : null,
    ruleInterfaces: ruleSets.flatMap(({ chains }) =>
      chains.flatMap(({ rules }) => rules.flatMap(({ input }) => input ?? [])),
    ),
    formerNames: new Map(
      links.flatMap(({ index, name }) => {
        const former = recorded.interfaceNames.get(index);
        return former === undefined || former === name ? [] : [[name, former]];
      }),
    ),
    changedSettings: status.state === "ready" ? changedSettings(administration) : NOTHING_CHANGED,
  };
}

function marksGiven({ chains }: RuleSet): MarkGiven[] {
  return chains.flatMap(({ rules }) =>
    rules.flatMap(({ target }) =>
      target?.kind === "mark" ? { value: target.value, mask: target.mask } : [],
    ),
  );
}

function sysctlIsOn(administration: Administration, status: DirectorStatus, name: string): boolean {
  if (status.state !== "ready") return true;
  return administration.sysctls().find((each) => each.name === name)?.value !== "0";
}

/** `asked`: servers have been asked a while ago, so a neighbour that is still being looked for does not answer. */
function waysTo(
  addresses: ReadonlySet<string>,
  socket: NetlinkSocket,
  links: readonly Link[],
  asked: boolean,
): Map<string, Way | null> {
  const neighbours = new Map(
    listNeighbours(socket).map(({ index, address, state }) => [`${index} ${formatIp(address)}`, state]),
  );
  return new Map(
    [...addresses].map((address) => {
      const route = lookUp(socket, address);
      const link = links.find(({ index }) => index === route?.link);
      if (route === null || link === undefined || !USABLE.has(route.type)) return [address, null];
      const via = route.via === undefined ? null : formatIp(route.via);
      const state = neighbours.get(`${link.index} ${via ?? address}`);
      return [
        address,
        {
          link: link.name,
          via,
          source: route.source === undefined ? null : formatIp(route.source),
          mtu: Math.min(route.mtu ?? link.mtu, link.mtu),
          local: route.type === RTN.LOCAL,
          neighbour: state === undefined ? "unknown" : neighbourState(state, asked),
        },
      ];
    }),
  );
}

const USABLE: ReadonlySet<number> = new Set([RTN.UNICAST, RTN.LOCAL]);
const ANSWERS = NUD.REACHABLE | NUD.STALE | NUD.DELAY | NUD.PROBE | NUD.NOARP | NUD.PERMANENT;

function neighbourState(state: number, asked: boolean): Way["neighbour"] {
  if ((state & ANSWERS) !== 0) return "answers";
  const failed = NUD.FAILED | (asked ? NUD.INCOMPLETE : 0);
  return (state & failed) !== 0 ? "failed" : "unknown";
}

function lookUp(socket: NetlinkSocket, address: string): Route | null {
  try {
    return lookUpRoute(socket, ip(address));
  } catch (error) {
    if (error instanceof SystemError) return null;
    throw error;
  }
}

/** Connections of masqueraded servers whose clients are in a network that director and server share. */
function findBypassing(
  administration: Administration,
  services: readonly ServiceStatus[],
  ways: ReadonlyMap<string, Way | null>,
  socket: NetlinkSocket,
): Bypassing[] {
  const masquerades = services.some(({ destinations }) =>
    destinations.some(({ destination }) => destination.method === "masquerade"),
  );
  if (!masquerades) return [];
  const networks = listAddresses(socket)
    .map(({ prefix }) => prefix)
    .filter(({ address, length }) => length < 8 * address.length);
  const found: Bypassing[] = [];
  let looked = 0;
  try {
    for (const entry of administration.connections()) {
      if (++looked > MOST_CONNECTIONS || found.length >= MOST_BYPASSING) break;
      const { method, source, destination, template, service } = entry;
      const way = ways.get(destination.address);
      if (method !== "masquerade" || template || service === null || way == null || way.local) continue;
      const [client, server] = [ip(source.address), ip(destination.address)];
      if (!networks.some((each) => prefixContains(each, client) && prefixContains(each, server))) continue;
      found.push({ client: source.address, server: destination.address, service: serviceId(service) });
    }
  } catch (error) {
    if (!(error instanceof IpvsError)) throw error;
  }
  return found;
}
