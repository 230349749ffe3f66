/** What several checks of a real server ask its facts for. */
import type { Family } from "../../model.ts";
import type { Wanted } from "../../realserver/model.ts";
import { wantedOf } from "../../realserver/real-server.ts";
import { tunnelDevices } from "../../realserver/requirements.ts";
import type { AddressFacts, HostFacts, LinkFacts } from "../facts.ts";
import type { Finding } from "../finding.ts";

/** A check of a real server: facts in, findings out. Pure. */
export type RealServerCheck = (host: HostFacts) => readonly Finding[];

export function wholeLength(family: Family): 32 | 128 {
  return family === 4 ? 32 : 128;
}

/** Whether addresses of an interface are not told to the network: loopback, dummies, tunnels. */
export function isQuiet({ loopback, speaksArp }: LinkFacts): boolean {
  return loopback || !speaksArp;
}

/**
 * Addresses that a director's packets may be for: those that were named, or else all with a host mask on quiet interfaces, and all
 * on loopback. Where there are neither, those with a host mask on others beside a network's own address: virtual addresses where they should not be.
 */
export function virtualAddresses(host: HostFacts): AddressFacts[] {
  const named = new Set(host.hints.virtualAddresses);
  if (named.size > 0) return usable(host).filter(({ address }) => named.has(address));
  const quiet = quietAddresses(host);
  if (quiet.length > 0) return quiet;
  return usable(host).filter(
    ({ length, family, link }) =>
      length === wholeLength(family) &&
      host.addresses.some(
        (each) =>
          each.link === link && each.family === family && each.length < length && each.scope === "global",
      ),
  );
}

function quietAddresses(host: HostFacts): AddressFacts[] {
  const quiet = new Set(host.links.filter(isQuiet).map(({ name }) => name));
  const whole = usable(host).filter(
    ({ link, length, family }) => quiet.has(link) && length === wholeLength(family),
  );
  return [...whole, ...wideAddresses(host)];
}

/** Addresses on loopback with a network's mask: nothing but virtual addresses with a wrong one. */
export function wideAddresses(host: HostFacts): AddressFacts[] {
  const loopback = host.links.find((each) => each.loopback)?.name;
  return usable(host).filter(
    ({ link, length, family, scope }) =>
      link === loopback && scope === "global" && length < wholeLength(family),
  );
}

function usable({ addresses }: HostFacts): AddressFacts[] {
  return addresses.filter(
    ({ address, scope }) => scope !== "link" && !address.startsWith("127.") && address !== "::1",
  );
}

/**
 * What this host is to be a real server for: what `lvs realserver start` has set up, and what is there beside it. Of that it is known
 * only from the kernel's tunnel devices whether packets come in tunnels.
 */
export function wantedAddresses(host: HostFacts): Wanted[] {
  const { facts, record } = host.realServer;
  const vips = new Set([...record.addresses.keys(), ...virtualAddresses(host).map(({ address }) => address)]);
  return [...vips].map((vip) => {
    const inTunnels = !record.addresses.has(vip) && tunnelDevices(facts, vip).length > 0;
    return wantedOf(vip, inTunnels ? { mode: "tun" } : {}, facts, record);
  });
}

/** Interfaces by which packets come from elsewhere. */
export function outsideLinks({ links }: HostFacts): LinkFacts[] {
  return links.filter(({ up, speaksArp }) => up && speaksArp);
}

/** Whether something here makes the host a real server under direct routing or tunnels. */
export function looksLikeRealServer(host: HostFacts): boolean {
  const { virtualAddresses: named, directors } = host.hints;
  const told = named.length + directors.length + host.realServer.record.addresses.size;
  return told > 0 || quietAddresses(host).length > 0;
}
