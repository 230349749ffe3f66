// SPDX-License-Identifier: MIT OR GPL-2.0-only
/**
 * A packet of an FTP control connection, in the program that reads payload, before it is forwarded: what it says about data
 * connections is followed, and where the server named its own address, the client reads the virtual one.
 *
 * Each step is a function of its own, one after the other, so that each has most of the stack.
 */
import { type Packet, readOnce, TC_SHOT, tailCall, type u16, type u32 } from "../../bpf/index.ts";
import { connect } from "../admit.ts";
import { connectionOf, directionOf, findFlowByCall, hashOf } from "../flow.ts";
import { tcpHeaderLength } from "../forward/wire-length.ts";
import { LINK_HEADER, TCP_HEADER } from "../headers.ts";
import { family } from "../options.ts";
import {
  connectionTable,
  type FlowKey,
  FROM_CLIENT,
  PROGRAM_IPV4,
  PROGRAM_IPV6,
  PROTOCOL_TCP,
  programs,
  STATE_ENDED,
  STATE_HELPED,
  STATE_REMOVED,
  scratch,
} from "../tables.ts";
import { hearClient, takeClients } from "./client.ts";
import { endActive, expectActive, expectPassive } from "./expect.ts";
import { AGAIN, editServers, hearServer, noteAnswer, renumber } from "./server.ts";

/** A client's segment, whose headers and data begin at `places` (`placesOf`). False: it is not to go on. */
function readClients(packet: Packet, places: u32, length: u32, index: u32): boolean {
  if (!takeClients(packet, places, length, index)) return false;
  const port = hearClient(packet, places, length, index);
  if (port === 0) return true;
  const destination = expectActive(index, port & 0xffff);
  const master = connectionTable.lookup(index);
  if (destination === 0 || master === null) return true;
  // The client's end of it, as if that had sent a segment without flags.
  const ports = ((port << 16) | ((master.virtualPort - 1) & 0xffff)) >>> 0;
  endActive(index, connect(master.client, master.virtual, ports, PROTOCOL_TCP << 8, destination));
  return true;
}

/** A server's segment; the same. */
function readServers(packet: Packet, places: u32, length: u32, index: u32): boolean {
  const port = hearServer(packet, places, length, index);
  if (port === AGAIN) return false;
  if (port !== 0) {
    const virtualPort = expectPassive(index, port & 0xffff);
    if (virtualPort !== 0) noteAnswer(packet, places, index, virtualPort & 0xffff);
  }
  return renumber(packet, places, index, editServers(packet, places, length, index));
}

/** Whether a connection is a control connection, and alive. */
function isToBeRead(index: u32): boolean {
  const connection = connectionTable.lookup(index);
  if (connection === null) return false;
  return (readOnce(connection, "state") & (STATE_HELPED | STATE_REMOVED | STATE_ENDED)) === STATE_HELPED;
}

/**
 * Reads a packet of the flow `key`, of `length` bytes with its IP header, its TCP header at `transport`, and hands it back to the
 * program that forwards. Returns the verdict.
 */
export function readPayload(packet: Packet, key: FlowKey, transport: u16, length: u32): u32 {
  const mine = scratch.lookup(0);
  const word = findFlowByCall(key, hashOf(key), 0);
  if (mine === null || word === 0) return TC_SHOT;
  const index = connectionOf(word);
  if (isToBeRead(index)) {
    const header = tcpHeaderLength(packet, transport);
    const data = transport + header;
    if (header < TCP_HEADER || data > length + LINK_HEADER) return TC_SHOT;
    const places = ((data << 12) | (transport & 0xfff)) >>> 0;
    const isFit =
      directionOf(word) === FROM_CLIENT
        ? readClients(packet, places, length, index)
        : readServers(packet, places, length, index);
    if (!isFit) return TC_SHOT;
  }
  mine.read = (index + 1) >>> 0;
  tailCall(packet, programs, family.value === 6 ? PROGRAM_IPV6 : PROGRAM_IPV4);
  return TC_SHOT;
}
