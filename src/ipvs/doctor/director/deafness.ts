import type { DirectorFacts, HostFacts } from "../facts.ts";
import type { Finding } from "../finding.ts";
import { type Dropped, findDrop } from "../firewall/judge.ts";
import { textOf } from "./firewall.ts";
import { findLink, type ServerView, serversOf } from "./view.ts";

/**
 * Servers' answers to the host's own questions that rules here drop: the silence then says nothing of the servers. Such questions count
 * as not asked; one note for each rule tells that.
 */
export function discountDeafness(
  director: DirectorFacts,
  host: HostFacts,
): { readonly director: DirectorFacts; readonly findings: readonly Finding[] } {
  const probes = new Map(director.probes);
  const notes = new Map<string, Finding>();
  for (const view of serversOf(director)) {
    const { probe, way } = view;
    if (probe === undefined || way === null) continue;
    const to = silentTo(view);
    const dropped = to === null ? null : droppedAnswer(view, to, director, host);
    if (dropped === null) continue;
    if (probe.from === null) probes.delete(view.probeId);
    else probes.set(view.probeId, { ...probe, from: null });
    notes.set(`${way.link} ${textOf(dropped)}`, note(way.link, dropped));
  }
  return { director: { ...director, probes }, findings: [...notes.values()] };
}

/** The own address that got no answer; null: there is none, or it is not known. */
function silentTo({ probe, way }: ServerView): string | null {
  if (probe?.plain === "silent") return way?.source ?? null;
  return probe?.from?.outcome === "silent" ? probe.from.address : null;
}

/** Our own rules are before the datapath, where that is; what is for the host itself goes on to netfilter. */
function droppedAnswer(
  { server, service: { service }, way }: ServerView,
  destination: string,
  { ownRules }: DirectorFacts,
  host: HostFacts,
): Dropped | null {
  const { key } = service;
  const port = server.port || (key.kind === "address" ? key.port : 0);
  const answer = {
    ...{ family: server.family, protocol: "tcp", destination, port: null, input: way!.link },
    ...{ source: { address: server.address, port }, state: "established" as const },
  };
  const isAttached = findLink(host, way!.link)?.datapath === "attached";
  return (
    (isAttached ? findDrop(ownRules, ["prerouting"], answer) : null) ??
    findDrop(host.firewall, ["prerouting", "input"], answer)
  );
}

function note(link: string, dropped: Dropped): Finding {
  return {
    code: "probes-dropped",
    severity: "note",
    where: link,
    what: `Rules drop what servers answer to this host itself: ${textOf(dropped)}.`,
    why: "Whether those servers answer, and by which way, cannot be told from here. Clients' connections need not be affected.",
    remedy: null,
  };
}
