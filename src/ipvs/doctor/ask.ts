/** Asks real servers for connections, and the network who else has virtual addresses. */
import {
  type ArpProbe,
  type ConnectOutcome,
  type ConnectProbe,
  IFF,
  type InterfaceAddress,
  type Link,
  probeConnections,
  probeOwners,
} from "../../linux/index.ts";
import { formatMac, ip, prefixContains } from "../../net/index.ts";
import { type Destination, destinationId, type ServiceStatus, serviceId } from "../model.ts";
import { probeId, type ServerProbe, type Way } from "./facts.ts";

/** How long to wait for all answers of a round, ms: more than the second after which ARP is repeated. */
const PATIENCE = 1200;
const ARP_PATIENCE = 300;
/** More are not asked at once. */
const MOST_SERVERS = 512;
const ETHERNET = 1;
/** Ports that FullNAT gives no connection: from another one the question might be taken for a client's connection. */
const FREE_PORTS = { first: 600, count: 400 } as const;

interface Question {
  readonly id: string;
  readonly server: Destination;
  readonly probe: ConnectProbe;
  /** The address that the second round comes from; null: there is none. */
  readonly from: string | null;
  readonly link: string;
}

/** What servers answer that there is a way to, by `probeId`. The second round asks only those that answered the first. */
export function probeServers(
  services: readonly ServiceStatus[],
  ways: ReadonlyMap<string, Way | null>,
  own: ReadonlySet<string>,
): Map<string, ServerProbe> {
  const questions = services.flatMap((service) => questionsOf(service, ways, own)).slice(0, MOST_SERVERS);
  if (questions.length === 0) return new Map();
  const plain = probeConnections(
    questions.map(({ probe }) => probe),
    PATIENCE,
  );
  const again = questions.filter(({ from }, index) => from !== null && answered(plain[index]!));
  const outcomes = probeConnections(
    again.map(({ probe, from, link, server }, index) => ({
      ...{ ...probe, from: ip(from!), link },
      ...(server.method === "fullnat" ? { fromPort: FREE_PORTS.first + (index % FREE_PORTS.count) } : {}),
    })),
    PATIENCE,
  );
  return new Map(
    questions.map((question, index) => {
      const at = again.indexOf(question);
      const from = at < 0 ? null : { address: question.from!, outcome: outcomes[at]! };
      return [question.id, { plain: plain[index]!, from }];
    }),
  );
}

function answered(outcome: ConnectOutcome): boolean {
  return outcome === "accepted" || outcome === "refused";
}

function questionsOf(
  { service: { key }, destinations, localAddresses }: ServiceStatus,
  ways: ReadonlyMap<string, Way | null>,
  own: ReadonlySet<string>,
): Question[] {
  return destinations.flatMap(({ destination }) => {
    const way = ways.get(destination.address);
    const port = destination.port || (key.kind === "address" ? key.port : 0);
    if (way == null || way.local || port === 0) return [];
    const virtual = key.kind === "address" && key.family === destination.family ? key.address : null;
    const local = localAddresses.find((address) => own.has(address)) ?? null;
    const from = { masquerade: virtual, fullnat: local }[destination.method as string] ?? null;
    return {
      id: probeId(serviceId(key), destinationId(destination)),
      server: destination,
      probe: { to: { address: ip(destination.address), port } },
      // From the address that the route says anyway nothing new is learnt.
      from: from !== null && own.has(from) && from !== way.source ? from : null,
      link: way.link,
    };
  });
}

/** Other hosts that answer ARP for virtual addresses of ours, on links that have a network with the address in it. */
export function probeVirtualAddresses(
  services: readonly ServiceStatus[],
  own: ReadonlySet<string>,
  addresses: readonly InterfaceAddress[],
  links: readonly Link[],
): Map<string, string[]> {
  const virtual = new Set(
    services.flatMap(({ service: { key } }) =>
      key.kind === "address" && key.family === 4 && own.has(key.address) ? [key.address] : [],
    ),
  );
  const questions = [...virtual].flatMap((address) =>
    links.filter((link) => isReachedBy(link, address, addresses)).map((link) => ({ address, link })),
  );
  if (questions.length === 0) return new Map();
  const probes: ArpProbe[] = questions
    .slice(0, MOST_SERVERS)
    .map(({ address, link }) => ({ index: link.index, mac: link.mac, address: ip(address) }));
  const found = new Map<string, string[]>();
  for (const [index, owners] of probeOwners(probes, ARP_PATIENCE).entries()) {
    const { address } = questions[index]!;
    // An interface of this very host may answer for another one.
    const others = owners.map(formatMac).filter((mac) => !links.some((link) => formatMac(link.mac) === mac));
    if (others.length > 0) found.set(address, [...(found.get(address) ?? []), ...others]);
  }
  return found;
}

function isReachedBy(
  { index, up, flags, hardwareType }: Link,
  address: string,
  addresses: readonly InterfaceAddress[],
): boolean {
  if (!up || hardwareType !== ETHERNET || (flags & IFF.NOARP) !== 0) return false;
  return addresses.some(
    ({ index: of, prefix }) =>
      of === index && prefix.address.length === 4 && prefixContains(prefix, ip(address)),
  );
}
