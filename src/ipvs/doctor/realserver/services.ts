import { allow, textOf } from "../director/firewall.ts";
import type { AddressFacts, HostFacts, Listener } from "../facts.ts";
import type { Finding } from "../finding.ts";
import { type Dropped, findDrop } from "../firewall/judge.ts";
import { type RealServerCheck, virtualAddresses } from "./view.ts";

/** Whether programs get what comes for the virtual addresses. */
export const checkListeners: RealServerCheck = (host) =>
  distinct(virtualAddresses(host)).flatMap((virtual) => {
    const listeners = host.listeners.filter((each) => takes(each, virtual));
    if (listeners.length === 0) return [nobody(virtual, host)];
    return firewall(virtual, listeners, host);
  });

function distinct(addresses: readonly AddressFacts[]): AddressFacts[] {
  return addresses.filter(
    ({ address }, at) => addresses.findIndex((each) => each.address === address) === at,
  );
}

/** A socket at "any address" of IPv6 takes IPv4, too, unless it was told not to, which cannot be seen. */
function takes({ address }: Listener, virtual: AddressFacts): boolean {
  return address === null || address === virtual.address;
}

function nobody({ address }: AddressFacts, { listeners }: HostFacts): Finding {
  const others = [
    ...new Set(
      listeners.filter(({ protocol }) => protocol === "tcp").map((each) => `${each.address}:${each.port}`),
    ),
  ];
  const elsewhere = others.length === 0 ? "" : ` There are programs at ${others.slice(0, 3).join(", ")}.`;
  return {
    code: "nothing-listens",
    severity: "warning",
    where: address,
    what: `No program waits at the virtual address, or at any.${elsewhere}`,
    why: "Clients' packets come addressed to the virtual address; a program that waits at the host's own address only does not get them.",
    remedy: { kind: "advice", command: `ss -lntu src ${address}` },
  };
}

/**
 * Ports at the address that programs wait at, and whose packets rules drop for certain. If others are let through, and the program waits
 * at any address, its port may be closed on purpose, the more so if no rule names it.
 */
function firewall(
  { address, family }: AddressFacts,
  listeners: readonly Listener[],
  host: HostFacts,
): Finding[] {
  const fates = distinctPorts(listeners).map(({ protocol, port, address: own }) => ({
    port,
    protocol,
    meant: own !== null,
    dropped: findDrop(host.firewall, ["prerouting", "input"], {
      ...{ family, protocol, destination: address, port, input: null },
    }),
  }));
  const all = fates.every(({ dropped }) => dropped !== null);
  return fates.flatMap(({ port, protocol, meant, dropped }) =>
    dropped === null
      ? []
      : {
          code: "firewall-input",
          severity: all || meant ? "error" : isAboutPorts(dropped) ? "warning" : "note",
          where: `${address}:${port}`,
          what: `This host's firewall drops the packets: ${textOf(dropped)}.`,
          why: `What the director sends for ${protocol.toUpperCase()} port ${port} does not reach the program that waits for it.`,
          remedy: allow(dropped, `-p ${protocol} -d ${address} --dport ${port}`),
        },
  );
}

/** Sockets may share a port: those at the address itself come first. */
function distinctPorts(listeners: readonly Listener[]): Listener[] {
  const sorted = [...listeners].sort((a, b) => Number(a.address === null) - Number(b.address === null));
  const id = ({ protocol, port }: Listener): string => `${protocol} ${port}`;
  return sorted.filter((each, at) => sorted.findIndex((other) => id(other) === id(each)) === at);
}

function isAboutPorts({ rule }: Dropped): boolean {
  return rule !== null && rule.destinationPorts !== null;
}
