import type { RuleNames } from "../ipvs/rules/text/names.ts";
import {
  HostLookupError,
  lookUpAddress,
  lookUpHost,
  parseNetworks,
  parseProtocols,
  readNameFile,
  serviceNames,
} from "../linux/index.ts";
import { formatIp } from "../net/index.ts";

/**
 * The names that this machine knows: hosts by nsswitch.conf, services, protocols and networks by their files under /etc. Look-ups of hosts
 * block; each address is asked for once. A name service that fails counts as one that does not know.
 */
export function systemRuleNames(): RuleNames {
  const protocols = once(() => parseProtocols(readNameFile("/etc/protocols")));
  const networks = once(() => parseNetworks(readNameFile("/etc/networks")));
  const hosts = new Map<string, string | null>();
  return {
    hostAddresses(name, family) {
      try {
        return lookUpHost(name, family);
      } catch (error) {
        if (error instanceof HostLookupError) return [];
        throw error;
      }
    },
    hostName(address) {
      const key = formatIp(address);
      let name = hosts.get(key);
      if (name === undefined) {
        name = lookUpAddress(address) ?? null;
        hosts.set(key, name);
      }
      return name;
    },
    networkAddress: (name) => networks().get(name) ?? null,
    servicePort: (name, protocol) => serviceNames().port(name, protocol ?? undefined) ?? null,
    serviceName: (port, protocol) => serviceNames().name(port, protocol ?? undefined) ?? null,
    protocolNumber: (name) => protocols().number(name) ?? null,
    protocolName: (number) => protocols().name(number) ?? null,
  };
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | null = null;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
