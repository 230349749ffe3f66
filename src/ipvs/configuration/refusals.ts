/** What a command is refused for before the tables are looked at, with the codes of the kernel's IPVS. */
import type { Operation } from "../errors.ts";
import { IpvsError } from "../errors.ts";
import type { Destination, ServiceKey, VirtualService } from "../model.ts";
import { schedulerNumber } from "./schedulers.ts";

/** Weights and thresholds are signed 32-bit numbers to IPVS. */
const LARGEST = 0x7fffffff;

/** The scheduler's number. Throws ENOENT for unknown names, EINVAL for a persistence that cannot be. */
export function checkServiceSettings(operation: Operation, service: VirtualService): number {
  const facts = { operation, service: service.key };
  const scheduler = schedulerNumber(service.scheduler);
  if (scheduler === undefined) throw new IpvsError("ENOENT", facts);
  if (service.engine !== null && service.engine !== "sip") throw new IpvsError("ENOENT", facts);
  const { persistence } = service;
  if (persistence === null) return scheduler;
  const { timeout, mask } = persistence;
  if (timeout < 1) throw new IpvsError("EINVAL", facts);
  if (service.key.family === 6 && (mask < 1 || mask > 128)) throw new IpvsError("EINVAL", facts);
  return scheduler;
}

/**
 * Throws ERANGE for a weight or thresholds that IPVS does not take, EINVAL for a server of the other family (but for
 * tunnels), for a GUE tunnel without a port, and for the method "bypass", which is not a server's.
 */
export function checkDestinationValues(
  operation: Operation,
  key: ServiceKey,
  destination: Destination,
): void {
  const facts = { operation, service: key, destination };
  const { method, tunnel, weight, upperThreshold, lowerThreshold } = destination;
  if ((destination.family !== key.family && method !== "tunnel") || method === "bypass") {
    throw new IpvsError("EINVAL", facts);
  }
  if (weight < 0 || weight > LARGEST || upperThreshold < 0 || upperThreshold > LARGEST) {
    throw new IpvsError("ERANGE", facts);
  }
  if (lowerThreshold > upperThreshold || lowerThreshold < 0) throw new IpvsError("ERANGE", facts);
  if (method === "tunnel" && tunnel?.type === "gue" && tunnel.port === 0)
    throw new IpvsError("EINVAL", facts);
}
