import { interfaceSysctl, type RealServerFacts, sysctlNumber } from "./facts.ts";
import { isVersion6, type Wanted } from "./model.ts";
import { tunnelLinks } from "./requirements.ts";

/** What on this host keeps an address from being set up, and what would help; null: nothing. Pure. */
export function obstacle(facts: RealServerFacts, wanted: Wanted): string | null {
  const { vip } = wanted;
  return (
    unknownInterface(facts, wanted) ??
    addressElsewhere(facts, vip) ??
    withoutVersion6(facts, vip) ??
    (facts.broadcasts.includes(vip) ? `${vip} is the broadcast address of a network of this host` : null)
  );
}

function unknownInterface(facts: RealServerFacts, wanted: Wanted): string | null {
  const there = facts.links.filter(({ loopback }) => !loopback).map(({ name }) => name);
  const unknown = wanted.interfaces?.find((name) => !there.includes(name));
  if (unknown !== undefined)
    return `there is no interface "${unknown}" in this network namespace; there are ${there.join(", ")}`;
  if (wanted.mode === "dr") return null;
  const able = tunnelLinks(facts, wanted);
  const unable = wanted.interfaces?.find((name) => !able.includes(name));
  if (unable !== undefined)
    return `${unable} has no Ethernet frames: name the interface that tunnels come in by`;
  return able.length === 0
    ? "there is no interface with Ethernet frames that tunnels could come in by"
    : null;
}

function addressElsewhere({ addresses, links }: RealServerFacts, vip: string): string | null {
  const length = isVersion6(vip) ? 128 : 32;
  const wrong = addresses.find(
    (each) => each.address === vip && (each.link !== "lo" || each.length !== length),
  );
  if (wrong === undefined) return null;
  const remove = `ip address delete ${vip}/${wrong.length} dev ${wrong.link}`;
  if (wrong.link === "lo") {
    return `lo has ${vip}/${wrong.length}, and with it all of that network is this host's own: \`${remove}\` first`;
  }
  const silent = links.some(({ name, arp }) => name === wrong.link && !arp);
  return silent
    ? `${vip} is on ${wrong.link} already: \`${remove}\` first, or leave it there`
    : `${vip} is this server's own address on ${wrong.link}, where only the director may have a virtual one; if it is there by mistake, \`${remove}\``;
}

function withoutVersion6(facts: RealServerFacts, vip: string): string | null {
  const name = interfaceSysctl("lo", "disable_ipv6", 6);
  if (!isVersion6(vip)) return null;
  if (!facts.sysctls.has(name)) return "this kernel has no IPv6";
  return sysctlNumber(facts, name) === 0
    ? null
    : "IPv6 is off on lo: `sysctl -w net.ipv6.conf.lo.disable_ipv6=0`";
}
