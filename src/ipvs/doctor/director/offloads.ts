import type { Finding } from "../finding.ts";
import { type DirectorCheck, serversOf } from "./view.ts";

/** The kernel's names for what an interface does for the stack. */
const LARGE_RECEIVE = "rx-lro";
const MERGED_DATAGRAMS = ["rx-udp-gro-forwarding", "rx-gro-list"] as const;

/** Work of interfaces that spoils what the datapath is to forward. */
export const checkOffloads: DirectorCheck = (director, host) => {
  if (director.services.length === 0) return [];
  const attached = host.links.filter(({ datapath, loopback }) => datapath === "attached" && !loopback);
  const headers = serversOf(director).some(
    ({ server, service: { service } }) =>
      server.method === "fullnat" &&
      service.clientAddress === "proxy-v2" &&
      service.key.kind === "address" &&
      service.key.protocol === "udp",
  );
  return attached.flatMap(({ name, features }) => [
    ...(features.has(LARGE_RECEIVE) ? [largeReceive(name)] : []),
    ...(headers
      ? MERGED_DATAGRAMS.filter((each) => features.has(each)).map((each) => merged(name, each))
      : []),
  ]);
};

function largeReceive(link: string): Finding {
  return {
    code: "large-receive-offload",
    severity: "error",
    where: link,
    what: `${link} merges segments that it receives (large-receive-offload is on).`,
    why: "It forgets how long they were, so that merged packets cannot be sent on. The kernel turns it off where it forwards itself; GRO does the same work and remembers.",
    remedy: { kind: "feature", link, feature: LARGE_RECEIVE },
  };
}

function merged(link: string, feature: string): Finding {
  return {
    code: "datagrams-merged",
    severity: "error",
    where: link,
    what: `${link} merges datagrams of a flow (${feature} is on), and a UDP service has PROXY protocol headers.`,
    why: "Each datagram needs a header of its own, for which there is no room in merged ones: they are dropped.",
    remedy: { kind: "feature", link, feature },
  };
}
