/** What a command is refused for before the tables are looked at, with the codes of the kernel's IPVS. */
import type { Operation } from "../errors.ts";
import { IpvsError, NotSupportedError } from "../errors.ts";
import type { Destination, ServiceKey, VirtualService } from "../model.ts";
import { schedulerNumber } from "./schedulers.ts";

/** Weights and thresholds are signed 32-bit numbers to IPVS. */
const LARGEST = 0x7fffffff;

/** Throws NotSupportedError for services of a kind that does not exist here yet. */
export function checkServiceKind(operation: Operation, key: ServiceKey): void {
  const facts = { operation, service: key };
  if (key.family === 6) throw new NotSupportedError("IPv6 services", facts);
  if (key.kind === "mark") throw new NotSupportedError("services by firewall mark (-f)", facts);
  if (key.protocol === "sctp") throw new NotSupportedError("SCTP services", facts);
  if (key.port === 0) throw new NotSupportedError("services on every port (port 0)", facts);
}

/** The scheduler's number. Throws ENOENT for unknown names, NotSupportedError for what does not exist here yet. */
export function checkServiceSettings(operation: Operation, service: VirtualService): number {
  const facts = { operation, service: service.key };
  const scheduler = schedulerNumber(service.scheduler);
  if (scheduler === "unknown") throw new IpvsError("ENOENT", facts);
  if (service.engine !== null && service.engine !== "sip") throw new IpvsError("ENOENT", facts);
  if (service.engine !== null) throw new NotSupportedError("persistence engines (--pe)", facts);
  if (service.persistence !== null) throw new NotSupportedError("persistent services (-p)", facts);
  if (service.onePacket) throw new NotSupportedError("one-packet scheduling (-o)", facts);
  if (scheduler === "unsupported") throw new NotSupportedError(`the ${service.scheduler} scheduler`, facts);
  return scheduler;
}

/** Throws ERANGE for a weight or thresholds that IPVS does not take, EINVAL for an IPv6 server of an IPv4 service. */
export function checkDestinationValues(
  operation: Operation,
  key: ServiceKey,
  destination: Destination,
): void {
  const facts = { operation, service: key, destination };
  if (destination.family !== key.family && destination.method !== "tunnel") {
    throw new IpvsError("EINVAL", facts);
  }
  const { weight, upperThreshold, lowerThreshold } = destination;
  if (weight < 0 || weight > LARGEST || upperThreshold < 0 || upperThreshold > LARGEST) {
    throw new IpvsError("ERANGE", facts);
  }
  if (lowerThreshold > upperThreshold || lowerThreshold < 0) throw new IpvsError("ERANGE", facts);
}

const METHODS: Record<Destination["method"], string | null> = {
  masquerade: null,
  route: "direct routing (-g); use masquerading (-m)",
  tunnel: "tunnelling (-i); use masquerading (-m)",
  local: "local servers",
  bypass: "bypass",
  fullnat: "FullNAT (--fullnat); use masquerading (-m)",
};

/** Throws NotSupportedError for forwarding methods that do not exist here yet. */
export function checkDestinationMethod(
  operation: Operation,
  key: ServiceKey,
  destination: Destination,
): void {
  const missing = METHODS[destination.method];
  if (missing !== null) throw new NotSupportedError(missing, { operation, service: key, destination });
  if (destination.family === 6)
    throw new NotSupportedError("IPv6 servers", { operation, service: key, destination });
}
