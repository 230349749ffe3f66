// SPDX-License-Identifier: MIT OR GPL-2.0-only
/**
 * Flows that found no room in the connection table are forwarded without state: a client's packets go where rendezvous
 * hashing sends them, and a server's are given the address of the service that its port belongs to.
 */
import { copy, make, type u8, type u32 } from "../bpf/index.ts";
import { setFlowKey } from "./admit.ts";
import { family } from "./options.ts";
import { chooseConsistently } from "./schedule/consistent.ts";
import { serviceOf } from "./service.ts";
import { FlowKey, KIND_PROTOCOL, pools, type ServerEntry, scratch, servers, serviceTable } from "./tables.ts";

/** The destination of a client's packet; 0: it is for no service of ours. @separate */
export function statelessDestination(
  source: u32,
  destination: u32,
  ports: u32,
  protocol: u8,
  mark: u32,
): u32 {
  const key = make(FlowKey);
  setFlowKey(key, source, destination, ports, protocol);
  const index = serviceOf(key, mark);
  if (index === 0) return 0;
  const service = serviceTable.lookup(index);
  if (service === null) return 0;
  const pool = pools.lookup(service.pool);
  return pool === null ? 0 : chooseConsistently(pool, key);
}

/** What a server's packet is to look like to the client; null: it is not from a server of ours. */
export function statelessReply(key: FlowKey): ServerEntry | null {
  const mine = scratch.lookup(0);
  if (mine === null) return null;
  const from = mine.server;
  from.port = key.sourcePort;
  from.protocol = key.kind & KIND_PROTOCOL;
  if (family.value === 6) copy(from.address, mine.source);
  else from.address.words[0] = key.source;
  return servers.lookup(from);
}
