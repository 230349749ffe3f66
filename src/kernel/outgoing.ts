// SPDX-License-Identifier: MIT OR GPL-2.0-only
/**
 * Answers of servers on the director itself. A masqueraded client's packet to such a server goes up the stack translated; what
 * the server answers comes in by no interface, so it is met where it goes out, and gets the virtual address there.
 */
import { type Packet, readOnce, TC_NEXT, type u16, type u32 } from "../bpf/index.ts";
import { currentTick } from "./clock.ts";
import { countTraffic, packetsOf } from "./count.ts";
import { connectionOf, directionOf, findFlowByCall, hashOf } from "./flow.ts";
import { translate } from "./forward/translate.ts";
import { translate6 } from "./forward/translate6.ts";
import { rememberFragments } from "./fragment/remember.ts";
import { family, persistence, sctpServices } from "./options.ts";
import { prove } from "./persistence/control.ts";
import { followSctp, followTcp, renew } from "./state/follow.ts";
import {
  connectionTable,
  destinationTable,
  type FlowKey,
  FORWARD_MASQ,
  FROM_CLIENT,
  FROM_SERVER,
  KIND_FORWARD_SHIFT,
  PROTOCOL_SCTP,
  PROTOCOL_TCP,
  STATE_ENDED,
  STATE_REMOVED,
  STATE_UDP,
  wide,
} from "./tables.ts";

/** A packet of the flow `key` that this host sends; the rest is as in ingress.ts. Returns the verdict: it always goes on. */
export function leaveHost(
  packet: Packet,
  key: FlowKey,
  transport: u16,
  length: u32,
  what: u16,
  part: u16,
): u32 {
  const found = findFlowByCall(key, hashOf(key), 0);
  if (found === 0 || directionOf(found) === FROM_CLIENT) return TC_NEXT;
  const index = connectionOf(found);
  const connection = connectionTable.lookup(index);
  if (connection === null) return TC_NEXT;
  const word = readOnce(connection, "state");
  if ((word & (STATE_REMOVED | STATE_ENDED)) !== 0) return TC_NEXT;
  if (((connection.kind >>> KIND_FORWARD_SHIFT) & 7) !== FORWARD_MASQ) return TC_NEXT;
  const server = destinationTable.lookup(connection.destination);
  if (server === null || server.isLocal === 0) return TC_NEXT;
  if (part !== 0) rememberFragments(packet, part, index, 0, FROM_SERVER);
  let state = STATE_UDP;
  if (what >>> 8 === PROTOCOL_TCP) state = followTcp(connection, server, word, FROM_SERVER, what & 0xff);
  if (sctpServices.value && what >>> 8 === PROTOCOL_SCTP) {
    state = followSctp(connection, server, word, FROM_SERVER, what & 0xff);
  }
  renew(connection, index, state, currentTick());
  if (persistence.value && connection.control !== 0) prove(connection, state, FROM_SERVER);
  if (server.available !== 0) countTraffic(connection.destination, FROM_SERVER, packetsOf(packet), length);
  const port = connection.virtualPort;
  if (family.value === 4) {
    translate(packet, transport, FROM_SERVER, connection.virtual, port);
    return TC_NEXT;
  }
  const addresses = wide.lookup(index);
  if (addresses !== null)
    translate6(packet, transport, (what >>> 8) & 0xff, FROM_SERVER, addresses.virtual, port);
  return TC_NEXT;
}
