import { formatIpv4, formatIpv6, isMulticast, parseInetAton, parseIpv6 } from "../../net/index.ts";
import { UsageError } from "./usage-error.ts";

/** The address of a multicast group, canonical text. */
export function readMulticastGroup(text: string): string {
  if (text.includes(":")) {
    const address = parseIpv6(text);
    if (address !== undefined && isMulticast(address)) return formatIpv6(address);
    throw new UsageError(`invalid IPv6 mcast-group \`${text}'`);
  }
  const address = parseInetAton(text);
  if (address !== undefined && isMulticast(address)) return formatIpv4(address);
  throw new UsageError(`invalid IPv4 mcast-group \`${text}'`);
}
