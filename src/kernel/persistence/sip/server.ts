// SPDX-License-Identifier: MIT OR GPL-2.0-only
/**
 * What servers of a service that goes by Call-IDs send of their own accord, or, under one-packet scheduling, as an answer: it belongs to
 * no connection. It gets the service's address, as in IPVS since 4.7, and its call stays with the server.
 */
import { copy, make, type Packet, type u16, type u32 } from "../../../bpf/index.ts";
import { lookFor } from "../../flow.ts";
import { family } from "../../options.ts";
import { setServerKey } from "../../stateless.ts";
import {
  Address,
  destinationTable,
  type FlowKey,
  PROTOCOL_UDP,
  pools,
  scratch,
  servers,
  serviceTable,
  sipMessage,
} from "../../tables.ts";
import { addressWord } from "../../words.ts";
import { askTemplate, keepTemplate } from "../template.ts";
import { isLookedInto, readCallId } from "./call-id.ts";

/**
 * Whether a packet to no service of ours is of a service's server, and to be forwarded by itself as if the service had sent it. `what` is as
 * in admit.ts.
 */
export function isOfServer(packet: Packet, key: FlowKey, what: u16): boolean {
  const message = sipMessage.lookup(0);
  if (message === null || what >>> 8 !== PROTOCOL_UDP || message.transport === 0) return false;
  const service = serviceOfServer(key.source, key.sourcePort, what);
  if (service === 0) return false;
  if (readCallId(packet, message.transport, message.size) !== 0) keepToServer(service, key.destination, what);
  return true;
}

/**
 * The service of the masqueraded server that sent a packet from `source` (IPv6: the one looked for) and `port`, if its packets are
 * looked into; 0: it is none. Leaves the server's key in `Scratch.server`. @separate
 */
export function serviceOfServer(source: u32, port: u16, what: u16): u32 {
  const mine = scratch.lookup(0);
  if (mine === null) return 0;
  setServerKey(mine, source, port, (what >>> 8) & 0xff);
  const entry = servers.lookup(mine.server);
  if (entry === null) return 0;
  const server = destinationTable.lookup(entry.destination);
  if (server === null || server.available === 0) return 0;
  const service = serviceTable.lookup(server.service);
  if (service === null) return 0;
  const pool = pools.lookup(service.pool);
  return pool === null || !isLookedInto(pool, what) ? 0 : server.service;
}

/**
 * The server of `Scratch.server` sent a message with a Call-ID to `client` (IPv6: the destination looked for): what others send with
 * that Call-ID to its service goes to it, unless it goes elsewhere already. @separate
 */
export function keepToServer(serviceIndex: u32, client: u32, what: u16): u32 {
  const service = serviceTable.lookup(serviceIndex);
  const mine = scratch.lookup(0);
  if (service === null || mine === null) return 0;
  const entry = servers.lookup(mine.server);
  if (entry === null) return 0;
  const destination = entry.destination;
  if (family.value === 4) return keep(serviceIndex, client, service.key.address.words[0]!, what, destination);
  const virtual = make(Address);
  copy(virtual, service.key.address);
  lookFor(mine.destination, virtual);
  return keep(serviceIndex, client, addressWord(virtual), what, destination);
}

function keep(serviceIndex: u32, client: u32, virtual: u32, what: u16, destination: u32): u32 {
  const known = askTemplate(serviceIndex, client, virtual, what);
  return known !== 0 ? known : keepTemplate(serviceIndex, client, virtual, what, destination);
}
