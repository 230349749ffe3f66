/** Gathers what is known of the calling thread's network namespace. Nothing is changed; real servers may be asked for connections. */
import {
  areSysctlsReadOnly,
  findSysctl,
  type InterfaceAddress,
  type Link,
  linkFeatures,
  listAddresses,
  listLinks,
  listNeighbours,
  listRoutes,
  type NetlinkSocket,
  type Route,
  RT_SCOPE,
  RTN,
  SystemError,
  withRouteSocket,
} from "../../linux/index.ts";
import { formatIp, formatMac } from "../../net/index.ts";
import { DETACHED } from "../director/interfaces.ts";
import { openAdministration } from "../director/kernel-administration.ts";
import type { DirectorOptions } from "../director/places.ts";
import { type RecordedHost, recordedHost } from "../director/recorded.ts";
import { type DirectorStatus, directorStatus } from "../director/status.ts";
import type { Family } from "../model.ts";
import { effective, type RealServerFacts } from "../realserver/facts.ts";
import { readHost } from "../realserver/host.ts";
import { speaksArp } from "../realserver/read-facts.ts";
import { openRules } from "../rules/kernel-rules.ts";
import type {
  AddressFacts,
  DatapathState,
  DefaultRoute,
  HostFacts,
  LinkFacts,
  NeighbourFacts,
  RealServerHints,
} from "./facts.ts";
import { readFirewall } from "./firewall/read.ts";
import { gatherDirector } from "./gather-director.ts";
import { readKernelServices } from "./kernel-services.ts";
import { readListeners } from "./listeners.ts";
import { readLocalPorts } from "./local-ports.ts";

export interface GatherOptions extends DirectorOptions {
  readonly hints?: Partial<RealServerHints>;
  /** Whether to ask real servers for connections, and the network who else has virtual addresses. Default: true. */
  readonly probe?: boolean;
}

/** IFA_F_DADFAILED. */
const DUPLICATE = 0x08;

/** Throws IpvsError: EPERM without root. */
export function gatherFacts(options: GatherOptions = {}): HostFacts {
  const { hints, probe = true, ...places } = options;
  const status = settledStatus(places);
  const realServer = readHost(places, ({ facts, record }) => ({ facts, record }));
  return withRouteSocket((socket) => {
    const links = listLinks(socket);
    const administration = openAdministration(places);
    const rules = openRules(places);
    try {
      return {
        links: links.map((link) => linkFacts(link, status, realServer.facts)),
        addresses: addressFacts(listAddresses(socket), links),
        defaultRoutes: defaultRoutes(socket, links),
        director:
          status.state === "none"
            ? null
            : gatherDirector({
                ...{ status, administration, rules, socket, links, probe },
                recorded: status.state === "ready" ? recordedHost(places) : NOTHING_RECORDED,
              }),
        // Asked for last: the questions to servers may have taught the kernel something.
        neighbours: neighbourFacts(socket),
        sysctlsReadOnly: areSysctlsReadOnly(),
        kernelServices: readKernelServices(),
        firewall: readFirewall(),
        listeners: readListeners(),
        localPorts: readLocalPorts(),
        realServer,
        hints: { virtualAddresses: hints?.virtualAddresses ?? [], directors: hints?.directors ?? [] },
      };
    } finally {
      rules.close();
      administration.close();
    }
  });
}

const NOTHING_RECORDED: RecordedHost = { servers: [], interfaceNames: new Map() };

/** How long a clock that was just started may take to its first tick, ms: ticks are 134 ms apart. */
const FIRST_TICK = 300;

/** The director's status; of one that was made a moment ago, once its clock has had the time to tick. */
function settledStatus(places: DirectorOptions): DirectorStatus {
  const status = directorStatus(places);
  if (status.program === null || status.clock?.age !== null) return status;
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, FIRST_TICK);
  return directorStatus(places);
}

function linkFacts(link: Link, status: DirectorStatus, facts: RealServerFacts): LinkFacts {
  const setting = (family: Family, name: string, scope: string = link.name): number =>
    Number(findSysctl(`net/ipv${family}/conf/${scope}/${name}`) ?? 0);
  const greater = (name: string): number => Math.max(setting(4, name), setting(4, name, "all"));
  return {
    name: link.name,
    up: link.up,
    carrier: link.carrier,
    loopback: link.loopback,
    speaksArp: speaksArp(link),
    kind: link.kind ?? null,
    mtu: link.mtu,
    datapath: datapathState(link, status),
    reversePathFilter: effective(facts, link.name, "rp_filter"),
    arpIgnore: effective(facts, link.name, "arp_ignore"),
    sendRedirects: greater("send_redirects") !== 0,
    forwarding: { 4: setting(4, "forwarding") !== 0, 6: setting(6, "forwarding") !== 0 },
    features: featuresThatAreOn(link.name),
  };
}

function datapathState({ index }: Link, { interfaces }: DirectorStatus): DatapathState {
  const found = interfaces.find((each) => each.index === index);
  if (found?.attached) return "attached";
  if (found?.excluded == null) return "missing";
  return found.excluded === DETACHED ? "forbidden" : "impossible";
}

function featuresThatAreOn(link: string): ReadonlySet<string> {
  try {
    return new Set([...linkFeatures(link)].filter(([, on]) => on).map(([name]) => name));
  } catch (error) {
    // Drivers may have none to tell about, or the interface may have gone.
    if (error instanceof SystemError) return new Set();
    throw error;
  }
}

function addressFacts(addresses: readonly InterfaceAddress[], links: readonly Link[]): AddressFacts[] {
  return addresses.flatMap(({ index, prefix, flags, scope }) => {
    const link = links.find((each) => each.index === index);
    if (link === undefined) return [];
    return {
      link: link.name,
      address: formatIp(prefix.address),
      family: prefix.address.length === 4 ? 4 : 6,
      length: prefix.length,
      duplicate: (flags & DUPLICATE) !== 0,
      scope: scope === RT_SCOPE.HOST ? "host" : scope === RT_SCOPE.LINK ? "link" : "global",
    } satisfies AddressFacts;
  });
}

function neighbourFacts(socket: NetlinkSocket): NeighbourFacts[] {
  return listNeighbours(socket).flatMap(({ address, mac }) =>
    mac?.length === 6 ? { address: formatIp(address), mac: formatMac(mac) } : [],
  );
}

function defaultRoutes(socket: NetlinkSocket, links: readonly Link[]): DefaultRoute[] {
  return listRoutes(socket)
    .filter(({ to, type }: Route) => to === undefined && type === RTN.UNICAST)
    .map(({ version, via, link }) => ({
      family: version,
      via: via === undefined ? null : formatIp(via),
      link: links.find(({ index }) => index === link)?.name ?? null,
    }));
}
