/** Services and servers as options of ipvsadm, with numbers only: what it saves, and what it is told. */
import { type Destination, type ServiceKey, serviceId } from "./model.ts";

export const PROTOCOL_OPTIONS = { tcp: "-t", udp: "-u", sctp: "--sctp-service" } as const;

const METHOD_OPTIONS: Record<Destination["method"], string> = {
  masquerade: "-m",
  route: "-g",
  tunnel: "-i",
  // The kernel's own methods; what was said to get them is not known any more.
  local: "-g",
  bypass: "-g",
  fullnat: "--fullnat",
};

/** "-t 192.0.2.1:80", "-f 7 -6". Marks are unsigned: so they are read, though not saved. */
export function serviceOptions(key: ServiceKey): string {
  if (key.kind === "mark") return `-f ${key.mark}${key.family === 6 ? " -6" : ""}`;
  return `${PROTOCOL_OPTIONS[key.protocol]} ${serviceId(key).slice(key.protocol.length + 1)}`;
}

/** "-m -w 1": all that is saved of a server beside its address. */
export function serverOptions({ method, weight, tunnel }: Destination): string {
  const settings = `${METHOD_OPTIONS[method]} -w ${weight}`;
  if (tunnel === null) return settings;
  const port = tunnel.type === "gue" ? ` --tun-port ${tunnel.port}` : "";
  const checksum =
    tunnel.type === "ipip"
      ? ""
      : ` --tun-${{ none: "nocsum", full: "csum", remote: "remcsum" }[tunnel.checksum]}`;
  return `${settings} --tun-type ${tunnel.type}${port}${checksum}`;
}

/** " -x 100 -y 50", which is not saved; empty without thresholds. */
export function thresholdOptions({ upperThreshold: upper, lowerThreshold: lower }: Destination): string {
  return `${upper > 0 ? ` -x ${upper}` : ""}${lower > 0 ? ` -y ${lower}` : ""}`;
}
