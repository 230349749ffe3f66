// SPDX-License-Identifier: MIT OR GPL-2.0-only
import type { Packet, u16, u32 } from "../../bpf/index.ts";
import { Ipv4, LINK_HEADER, Ports, TCP_CHECKSUM, UDP_CHECKSUM, Udp } from "../headers.ts";
import { portMapping, sctpServices } from "../options.ts";
import { FROM_CLIENT, PROTOCOL_SCTP, PROTOCOL_TCP, PROTOCOL_UDP } from "../tables.ts";
import { replaceAddressAndAge, replaceTransportChecksum } from "./checksum.ts";
import { translateAddressOnly, translateSctp } from "./translate-other.ts";

/**
 * Network address translation, in place: a client's packet gets another destination, a server's another source; the time to
 * live falls by one and all checksums follow. `transport` is where the header behind IP's begins. False: the headers are
 * not there (nothing has been changed).
 */
export function translate(packet: Packet, transport: u16, direction: u32, address: u32, port: u16): boolean {
  const ip = packet.header(Ipv4, LINK_HEADER);
  if (ip === null) return false;
  const protocol = ip.protocol;
  if (protocol !== PROTOCOL_TCP && protocol !== PROTOCOL_UDP) {
    if (!sctpServices.value || protocol !== PROTOCOL_SCTP) {
      return translateAddressOnly(packet, direction, address);
    }
    return translateSctp(packet, transport, direction, address, port);
  }
  const ports = packet.header(Ports, transport);
  if (ports === null) return false;
  let from = 0;
  let fromPort = 0;
  if (direction === FROM_CLIENT) {
    from = ip.destination;
    ip.destination = address;
    if (portMapping.value) {
      fromPort = ports.destination;
      ports.destination = port;
    }
  } else {
    from = ip.source;
    ip.source = address;
    if (portMapping.value) {
      fromPort = ports.source;
      ports.source = port;
    }
  }
  ip.lifetime = ip.lifetime - 1;
  ip.checksum = replaceAddressAndAge(ip.checksum, from, address);
  let checksum = transport + TCP_CHECKSUM;
  if (protocol !== PROTOCOL_TCP) {
    const udp = packet.header(Udp, transport);
    // None to be kept right.
    if (udp === null || udp.checksum === 0) return true;
    checksum = transport + UDP_CHECKSUM;
  }
  replaceTransportChecksum(packet, protocol, checksum, from, address, fromPort, port);
  return true;
}
