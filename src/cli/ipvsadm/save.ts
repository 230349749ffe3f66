import type { Destination, ServiceKey, ServiceStatus } from "../../ipvs/model.ts";
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
      `-a ${key} -r ${destinationName(destination, service.key, names, FULL_WIDTH)}${printSettings(destination)}\n`,
  );
  return [...rule, ...localAddresses, ...servers].join("");
}

const PROTOCOL_OPTIONS = { tcp: "-t", udp: "-u", sctp: "--sctp-service" } as const;

function printKey(key: ServiceKey, names: Names | null): string {
  if (key.kind === "mark") return `-f ${signedMark(key.mark)}${key.family === 6 ? " -6" : ""}`;
  return `${PROTOCOL_OPTIONS[key.protocol]} ${serviceName(key, names, FULL_WIDTH)}`;
}

const CLIENT_ADDRESS_OPTIONS = { hidden: "", toa: " --toa", "proxy-v2": " --proxy-protocol v2" } as const;

const METHOD_OPTIONS: Record<Destination["method"], string> = {
  masquerade: "-m",
  route: "-g",
  tunnel: "-i",
  // The kernel's own methods; what was said to get them is not known any more.
  local: "-g",
  bypass: "-g",
  fullnat: "--fullnat",
};

function printSettings({ method, weight, tunnel }: Destination): string {
  const settings = ` ${METHOD_OPTIONS[method]} -w ${weight}`;
  if (tunnel === null) return settings;
  const port = tunnel.type === "gue" ? ` --tun-port ${tunnel.port}` : "";
  const checksum =
    tunnel.type === "ipip"
      ? ""
      : ` --tun-${{ none: "nocsum", full: "csum", remote: "remcsum" }[tunnel.checksum]}`;
  return `${settings} --tun-type ${tunnel.type}${port}${checksum}`;
}
