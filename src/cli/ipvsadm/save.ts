import { PROTOCOL_OPTIONS, serverOptions } from "../../ipvs/ipvsadm-options.ts";
import type { ServiceKey, ServiceStatus } from "../../ipvs/model.ts";
import { destinationName, FULL_WIDTH, serviceName, signedMark } from "./endpoint-names.ts";
import { writeMask } from "./listing.ts";
import type { Names } from "./names.ts";
import { sortDestinations, sortServices } from "./order.ts";
import { writeSchedulerFlags } from "./values.ts";

/**
 * All services and servers as lines that `ipvsadm -R` reads. Thresholds are not saved: that is how ipvsadm 1.31 does.
 *
 * @param names null: numbers only
 */
export function printRules(services: readonly ServiceStatus[], names: Names | null): string {
  return sortServices(services)
    .map((service) => printServiceRules(service, names))
    .join("");
}

function printServiceRules(status: ServiceStatus, names: Names | null): string {
  const { service } = status;
  const key = printKey(service.key, names);
  const flags = writeSchedulerFlags(service.schedulerFlags, service.scheduler);
  const mask = writeMask(service);
  const rule = [
    `-A ${key} -s ${service.scheduler}`,
    service.persistence === null ? "" : ` -p ${service.persistence.timeout}`,
    mask === null ? "" : ` -M ${mask}`,
    service.engine === null ? "" : ` --pe ${service.engine}`,
    service.onePacket ? " -o" : "",
    flags === "" ? "" : ` -b ${flags}`,
    CLIENT_ADDRESS_OPTIONS[service.clientAddress],
    "\n",
  ];
  const localAddresses = status.localAddresses.map((address) => `-P ${key} -z ${address}\n`);
  const servers = sortDestinations(status.destinations).map(
    ({ destination }) =>
      `-a ${key} -r ${destinationName(destination, service.key, names, FULL_WIDTH)} ${serverOptions(destination)}\n`,
  );
  return [...rule, ...localAddresses, ...servers].join("");
}

function printKey(key: ServiceKey, names: Names | null): string {
  if (key.kind === "mark") return `-f ${signedMark(key.mark)}${key.family === 6 ? " -6" : ""}`;
  return `${PROTOCOL_OPTIONS[key.protocol]} ${serviceName(key, names, FULL_WIDTH)}`;
}

const CLIENT_ADDRESS_OPTIONS = { hidden: "", toa: " --toa", "proxy-v2": " --proxy-protocol v2" } as const;
