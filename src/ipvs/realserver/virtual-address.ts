import { formatIp, isLinkLocal, isLoopback, isMulticast, isUnspecified, parseIp } from "../../net/index.ts";
import { RealServerError } from "./errors.ts";

/** The canonical text of a virtual address. Throws RealServerError INVALID_VIP, saying what it is instead. */
export function virtualAddress(text: string): string {
  const address = parseIp(text);
  if (address === undefined) throw invalid(text, `no IP address: say 192.0.2.1 or 2001:db8::1${hint(text)}`);
  const { length } = address;
  if (isUnspecified(address) || (length === 4 && address[0] === 0))
    throw invalid(text, "not an address of a host");
  if (isMulticast(address)) throw invalid(text, "a multicast address");
  if (isLoopback(address)) throw invalid(text, "a loopback address, which every host has for itself");
  if (length === 4 && address.every((byte) => byte === 255)) throw invalid(text, "the broadcast address");
  if (length === 4 && address[0]! >= 240) throw invalid(text, "a reserved address");
  if (length === 16 && isLinkLocal(address))
    throw invalid(text, "a link-local address: no router leads to it");
  if (length === 16 && isMapped(address)) {
    throw invalid(text, `an IPv4 address: say ${formatIp(address.slice(12))}`);
  }
  return formatIp(address);
}

/** ::ffff:0:0/96. */
function isMapped(address: Uint8Array): boolean {
  return address.subarray(0, 10).every((byte) => byte === 0) && address[10] === 255 && address[11] === 255;
}

function hint(text: string): string {
  if (text.includes("/")) return ", without a prefix length";
  return /^([\d.]+|\[.*\]):\d+$/.test(text) ? ", without a port" : "";
}

function invalid(text: string, what: string): RealServerError {
  return new RealServerError("INVALID_VIP", `"${text}" cannot be a virtual address: it is ${what}`);
}
