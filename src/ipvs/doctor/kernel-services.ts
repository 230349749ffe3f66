/** Services of the kernel's own IPVS: /proc/net/ip_vs. */
import { readFileSync } from "node:fs";
import { formatIp } from "../../net/index.ts";
import { type ServiceKey, serviceId } from "../model.ts";

const PATH = "/proc/thread-self/net/ip_vs";

/** Those of the calling thread's network namespace; none where the module is not loaded. */
export function readKernelServices(): string[] {
  try {
    return parseKernelServices(readFileSync(PATH, "utf8"));
  } catch {
    return [];
  }
}

/**
 * The services in the text of /proc/net/ip_vs, as `serviceId` names them. Lines of services begin so, those of servers are
 * indented:
 *
 *     TCP  C0000201:0050 wlc
 *     UDP  [2001:0db8:0000:0000:0000:0000:0000:0001]:0035 rr
 *     FWM  00000007 rr
 */
export function parseKernelServices(text: string): string[] {
  const services: ServiceKey[] = [];
  for (const line of text.split("\n")) {
    const [, protocol, address, port] =
      /^(TCP|UDP|SCTP)\s+(\[[0-9a-f:]+\]|[0-9A-F]{8}):([0-9A-F]{4})\s/.exec(line) ?? [];
    if (protocol !== undefined) {
      services.push({
        kind: "address",
        family: address!.startsWith("[") ? 6 : 4,
        protocol: protocol.toLowerCase() as "tcp" | "udp" | "sctp",
        address: addressOf(address!),
        port: Number.parseInt(port!, 16),
      });
    }
    const [, mark] = /^FWM\s+([0-9A-F]{8})\s/.exec(line) ?? [];
    if (mark !== undefined) services.push({ kind: "mark", family: 4, mark: Number.parseInt(mark, 16) });
  }
  return services.map(serviceId);
}

function addressOf(text: string): string {
  const digits = text.replace(/[[\]:]/g, "");
  return formatIp(Uint8Array.from(digits.match(/../g)!, (pair) => Number.parseInt(pair, 16)));
}
