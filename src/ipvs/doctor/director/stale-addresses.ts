import { ip, prefixContains } from "../../../net/index.ts";
import type { RecordedServer } from "../../director/recorded.ts";
import type { HostFacts } from "../facts.ts";
import type { Finding, Severity } from "../finding.ts";
import {
  type DirectorCheck,
  findLink,
  onlyOnce,
  refreshDatapath,
  type ServerView,
  serversOf,
} from "./view.ts";

/** Whether what the datapath goes by of the host's own addresses still holds: commands look them up, packets do not. */
export const checkStaleAddresses: DirectorCheck = (director, host) =>
  onlyOnce(
    serversOf(director).flatMap((view) => {
      const record = director.recorded.get(view.probeId);
      if (record === undefined || !isJudged(view, host)) return [];
      const found = stalePlace(view, record, host) ?? staleSource(view, record, director.own);
      if (found === null) return [];
      const where = view.server.address;
      return [{ code: "addresses-stale", ...found, where, remedy: refreshDatapath(host) }];
    }),
  );

type Judgement = Pick<Finding, "severity" | "what" | "why">;

/** The way by an interface that is down is one that might be: nothing is known of addresses there. */
function isJudged({ way }: ServerView, host: HostFacts): boolean {
  const link = way === null ? undefined : findLink(host, way.link);
  return link !== undefined && (link.loopback || (link.up && link.carrier));
}

function stalePlace(
  { server, way }: ServerView,
  { local }: RecordedServer,
  host: HostFacts,
): Judgement | null {
  if (server.method === "local" || way!.local === local) return null;
  if (!local && isOwnByMask(server.address, host)) return null;
  return {
    severity: "error",
    what: local
      ? "The datapath takes it for an address of this host itself, which it is no more."
      : "It has become an address of this host itself, and the datapath does not know.",
    why: local
      ? "Its packets go to programs here, and not to the real server."
      : "Its packets are sent on, and do not come to programs here.",
  };
}

/** A network's mask on loopback makes whole networks the host's own, by mistake (`vip-mask`): the datapath need not learn of that. */
function isOwnByMask(server: string, host: HostFacts): boolean {
  return host.addresses.some(
    ({ link, address, length }) =>
      findLink(host, link)?.loopback === true &&
      address !== server &&
      prefixContains({ address: ip(address), length }, ip(server)),
  );
}

/** Only tunnels ask for it, and FullNAT without local addresses. */
function staleSource(
  { server, way, service }: ServerView,
  { source }: RecordedServer,
  own: ReadonlySet<string>,
): Judgement | null {
  const fullnat = server.method === "fullnat" && service.localAddresses.length === 0;
  if ((!fullnat && server.method !== "tunnel") || way!.local) return null;
  if (way!.source === null || way!.source === source) return null;
  if (source === null) {
    return {
      severity: "error",
      what: `The datapath knows no address of this host's own towards it; now there is ${way!.source}.`,
      why: "There was no way to the server when a command last looked. New connections to it are not forwarded.",
    };
  }
  if (own.has(source)) {
    return {
      severity: "warning",
      what: `The datapath reaches it from ${source}, but the routes now say ${way!.source}.`,
      why: fullnat
        ? "Answers come back only if the server finds a way to that address."
        : "Whoever checks on the way where packets come from (rp_filter, firewalls) may drop them.",
    };
  }
  return {
    severity: (fullnat ? "error" : "warning") satisfies Severity,
    what: `The datapath reaches it from ${source}, which is no address of this host any more: now it would be ${way!.source}.`,
    why: fullnat
      ? "What the server answers goes to that address, and does not come here."
      : "ICMP errors from the tunnel do not come here, and whoever checks where packets come from (rp_filter, firewalls) may drop them.",
  };
}
