/** Services and servers for tests, plain but for what is given. */
import type { Destination, Family, ServiceKey, VirtualService } from "../model.ts";

/** Scheduled by wrr: no persistence, no flags. */
export function plainService(key: ServiceKey, changes: Partial<VirtualService> = {}): VirtualService {
  return {
    ...{ key, scheduler: "wrr", schedulerFlags: 0, persistence: null, engine: null },
    ...{ onePacket: false, clientAddress: "hidden", ...changes },
  };
}

/** Port 80, masqueraded, weight 1, no thresholds. */
export function plainServer(address: string, changes: Partial<Destination> = {}): Destination {
  return {
    ...{ family: familyOf(address), address, port: 80, method: "masquerade", tunnel: null },
    ...{ weight: 1, upperThreshold: 0, lowerThreshold: 0, ...changes },
  };
}

/** The family of an address in text. */
export function familyOf(address: string): Family {
  return address.includes(":") ? 6 : 4;
}
