// SPDX-License-Identifier: MIT OR GPL-2.0-only
/**
 * Flows that found no room in the connection table are forwarded without state: a client's packets go where rendezvous
 * hashing sends them, and a server's are given the address of the service that its port belongs to.
 */
import { copy, make, type u8, type u16, type u32 } from "../bpf/index.ts";
import { setFlowKey } from "./admit.ts";
import { family } from "./options.ts";
import { chooseConsistently } from "./schedule/consistent.ts";
import { serviceOf } from "./service.ts";
import {
  FlowKey,
  KIND_PROTOCOL,
  pools,
  type Scratch,
  type ServerEntry,
  scratch,
  servers,
  serviceTable,
} from "./tables.ts";

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
  setServerKey(mine, key.source, key.sourcePort, key.kind & KIND_PROTOCOL);
  return servers.lookup(mine.server);
}

/** Makes `Scratch.server` that of a server's packet from `source` (IPv6: the address looked for) and `port`. */
export function setServerKey(mine: Scratch, source: u32, port: u16, protocol: u8): void {
  const key = mine.server;
  key.port = port;
  key.protocol = protocol;
  if (family.value === 6) {
    copy(key.address, mine.source);
    return;
  }
  key.address.words[0] = source;
  key.address.words[1] = 0;
  key.address.words[2] = 0;
  key.address.words[3] = 0;
}
