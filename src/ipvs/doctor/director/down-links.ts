import { ip, prefixContains } from "../../../net/index.ts";
import type { AddressFacts, DirectorFacts, HostFacts, LinkFacts, Way } from "../facts.ts";
import { familyOf, findLink, serversOf } from "./view.ts";

/**
 * Ways as they would be if all interfaces were up, so that what follows from one that is down is not told as if it were wrong by itself:
 * the kernel takes the routes away with it, and servers in its networks get another way, or none. What neighbours and servers there did
 * not answer is left out.
 */
export function lookPastDownLinks(director: DirectorFacts, host: HostFacts): DirectorFacts {
  const ways = new Map(director.ways);
  const probes = new Map(director.probes);
  for (const { server, way, probe, probeId } of serversOf(director)) {
    if (way?.local || probe?.plain === "accepted" || probe?.plain === "refused") continue;
    const meant = wayByDownLink(server.address, way, host);
    if (meant === null) continue;
    ways.set(server.address, meant);
    probes.delete(probeId);
  }
  return { ...director, ways, probes };
}

/** Null: no interface that is down has to do with it. */
function wayByDownLink(server: string, way: Way | null, host: HostFacts): Way | null {
  if (way !== null && isDown(findLink(host, way.link))) return { ...way, neighbour: "unknown" };
  if (way !== null && way.via === null) return null;
  const networks = host.addresses.filter((each) => isNetworkOf(each, server));
  if (networks.some(({ link }) => !isDown(findLink(host, link)))) return null;
  const link = networks.map((each) => findLink(host, each.link)).find((each) => each !== undefined);
  if (link === undefined) return null;
  const source = networks.find((each) => each.link === link.name)!.address;
  return { ...{ link: link.name, via: null, source, mtu: link.mtu }, local: false, neighbour: "unknown" };
}

function isNetworkOf({ address, length, family, scope }: AddressFacts, server: string): boolean {
  if (family !== familyOf(server) || scope !== "global" || length === (family === 4 ? 32 : 128)) return false;
  return prefixContains({ address: ip(address), length }, ip(server));
}

function isDown(link: LinkFacts | undefined): boolean {
  return link !== undefined && !link.loopback && !(link.up && link.carrier);
}
