// SPDX-License-Identifier: MIT OR GPL-2.0-only
/** What a real server sends from its service's port though there is no connection (sysctl nat_icmp_send; recordings: icmp.json). */
import { type Packet, TC_NEXT, type u16, type u32 } from "../../bpf/index.ts";
import { age } from "../forward/age.ts";
import {
  ICMP_PORT_UNREACHABLE,
  ICMP_UNREACHABLE,
  ICMP6_PORT_UNREACHABLE,
  ICMP6_UNREACHABLE,
  TCP_RST,
} from "../headers.ts";
import { family } from "../options.ts";
import { setServerKey } from "../stateless.ts";
import { SYSCTL_NAT_ICMP_SEND } from "../sysctls.ts";
import { interfaceAddresses, PROTOCOL_TCP, scratch, servers, settings } from "../tables.ts";
import { answer } from "./answer.ts";
import { isMessage } from "./begin.ts";

/**
 * A packet that belongs to no connection, from `source` (IPv6: the one looked for) and `port`; `what`: protocol × 256 + flags. The server
 * is told that nobody listens, so that it forgets the connection, too; others' packets are left. Returns the verdict. @separate
 */
export function tellServer(packet: Packet, source: u32, port: u16, what: u16): u32 {
  const mine = scratch.lookup(0);
  const own = interfaceAddresses.lookup(packet.ifindex);
  if (mine === null || own === null || isMessage(packet)) return TC_NEXT;
  if (what >>> 8 === PROTOCOL_TCP && (what & TCP_RST) !== 0) return TC_NEXT;
  setServerKey(mine, source, port, (what >>> 8) & 0xff);
  if (family.value === 6) {
    if (servers.lookup(mine.server) === null || own.ipv6.words[0]! === 0) return TC_NEXT;
    age(packet);
    return answer(ICMP6_UNREACHABLE * 256 + ICMP6_PORT_UNREACHABLE, 0, 0);
  }
  if (servers.lookup(mine.server) === null || own.ipv4 === 0) return TC_NEXT;
  age(packet);
  return answer(ICMP_UNREACHABLE * 256 + ICMP_PORT_UNREACHABLE, 0, own.ipv4);
}

/** Whether servers are to be told. */
export function isTold(): boolean {
  return settings.at(0).sysctls[SYSCTL_NAT_ICMP_SEND]! !== 0;
}
