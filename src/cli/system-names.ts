import { HostLookupError, lookUpAddress, lookUpHost, serviceNames } from "../linux/index.ts";
import { formatIp, type IpAddress, ip, ipVersion } from "../net/index.ts";
import type { Names } from "./ipvsadm/names.ts";

/**
 * The names that this machine knows: hosts by nsswitch.conf (/etc/hosts, DNS…), services by /etc/services. Look-ups
 * block; each name and address is asked for once. A name service that fails counts as one that does not know.
 */
export function systemNames(): Names {
  const addresses = new Map<string, readonly IpAddress[]>();
  const hosts = new Map<string, string | null>();
  return {
    hostAddress(name, family) {
      let found = addresses.get(name);
      if (found === undefined) {
        found = lookUpOrNone(name);
        addresses.set(name, found);
      }
      const address = found.find((each) => ipVersion(each) === family);
      return address === undefined ? null : formatIp(address);
    },
    hostName(address) {
      let name = hosts.get(address);
      if (name === undefined) {
        name = lookUpAddress(ip(address)) ?? null;
        hosts.set(address, name);
      }
      return name;
    },
    servicePort: (name, protocol) => serviceNames().port(name, protocol) ?? null,
    serviceName: (port, protocol) => serviceNames().name(port, protocol) ?? null,
  };
}

function lookUpOrNone(name: string): readonly IpAddress[] {
  try {
    return [...lookUpHost(name, 4), ...lookUpHost(name, 6)];
  } catch (error) {
    if (error instanceof HostLookupError) return [];
    throw error;
  }
}
