import { HostLookupError, lookUpAddress, lookUpHost, serviceNames } from "../linux/index.ts";
import { formatIp, ip } from "../net/index.ts";
import type { Names } from "./ipvsadm/names.ts";

/**
 * The names that this machine knows: hosts by nsswitch.conf (/etc/hosts, DNS…), services by /etc/services. Look-ups
 * block; each name and address is asked for once. A name service that fails counts as one that does not know.
 */
export function systemNames(): Names {
  const addresses = new Map<string, string | null>();
  const hosts = new Map<string, string | null>();
  return {
    hostAddress(name, family) {
      const key = `${family} ${name}`;
      let found = addresses.get(key);
      if (found === undefined) {
        found = lookUpOrNone(name, family);
        addresses.set(key, found);
      }
      return found;
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

/** Of one family only: asking for the other could fail, or take long, where no name server answers. */
function lookUpOrNone(name: string, family: 4 | 6): string | null {
  try {
    const [address] = lookUpHost(name, family);
    return address === undefined ? null : formatIp(address);
  } catch (error) {
    if (error instanceof HostLookupError) return null;
    throw error;
  }
}
