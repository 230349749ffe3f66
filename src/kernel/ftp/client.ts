// SPDX-License-Identifier: MIT OR GPL-2.0-only
/**
 * A client's segment on a control connection. `places`: where its TCP header begins (bits 0–11 of the number) and where its data
 * (12–23).
 *
 * The client's SYN keeps only options that do not speak of sequence numbers, so there are no selective acknowledgements, and asks for
 * segments that leave room for longer texts.
 */
import { type Packet, readOnce, replaceL4Checksum, swap32, type u32 } from "../../bpf/index.ts";
import { isRoomy } from "../forward/client-address/insert.ts";
import { ONLY_PLAIN, SHRINK_MSS, tidyOptions } from "../forward/client-address/options.ts";
import { LINK_HEADER, TCP_ACK, TCP_CHECKSUM, TCP_SYN, Tcp } from "../headers.ts";
import { family } from "../options.ts";
import { connectionTable, FTP_ACTIVE, type FtpControl, ftpControls, ftpWork, wide } from "../tables.ts";
import { isSame } from "../words.ts";
import { expandGroups, readLines } from "./read.ts";
import { lastEdit, toClient, toServer } from "./stream.ts";

/** By how many bytes a segment grows at most: "1,1,1,1,4,0" becomes "255,255,255,255,255,255". */
export const MOST_GROWTH = 12;

/**
 * Notes how far the client acknowledges. One that comes late takes nothing back, and one of what was not sent yet (a forged one, which
 * would hold against all that follow) is one of what was.
 */
function noteAcknowledged(control: FtpControl, number: u32): void {
  const sent = readOnce(control, "sent");
  const isEdited = readOnce(control, "current") !== 0;
  const most = isEdited ? toClient(lastEdit(control), sent) : sent;
  const acknowledged = ((number - most) | 0) > 0 ? most : number;
  if (!isEdited || ((acknowledged - control.acknowledged) | 0) > 0) control.acknowledged = acknowledged;
}

/** A client's segment is made one of the server's connection. False: it is malformed. @separate */
export function takeClients(packet: Packet, places: u32, length: u32, index: u32): boolean {
  const transport = places & 0xfff;
  const control = ftpControls.lookup(index);
  const tcp = packet.header(Tcp, transport);
  if (control === null || tcp === null) return false;
  const flags = tcp.flags;
  if ((flags & (TCP_SYN | TCP_ACK)) === TCP_SYN) {
    if (control.asked === 0) control.asked = 1;
    return tidyOptions(packet, transport, (length + LINK_HEADER) >>> 0, ONLY_PLAIN | SHRINK_MSS, MOST_GROWTH);
  }
  if (control.asked === 0 || (flags & TCP_ACK) === 0) return true;
  const before = tcp.acknowledgement;
  noteAcknowledged(control, before);
  if (control.current === 0) return true;
  const after = toServer(lastEdit(control), before);
  tcp.acknowledgement = after;
  replaceL4Checksum(packet, transport + TCP_CHECKSUM, swap32(before), swap32(after), 4);
  return true;
}

/** Whether a client may name the endpoint that was read: it is its own. */
function isClients(index: u32, client: u32): boolean {
  const work = ftpWork.lookup(0);
  if (work === null) return false;
  if (family.value === 4) return work.version === 4 && work.address.words[0]! === client;
  const addresses = wide.lookup(index);
  if (addresses === null || work.version !== 6) return false;
  expandGroups(work);
  return isSame(work.address, addresses.client);
}

/** What a client's segment says. Answers the port of its own where it waits for the server's connection; 0: at none. @separate */
export function hearClient(packet: Packet, places: u32, length: u32, index: u32): u32 {
  const start = (places >>> 12) & 0xfff;
  const connection = connectionTable.lookup(index);
  const control = ftpControls.lookup(index);
  const work = ftpWork.lookup(0);
  if (connection === null || control === null || work === null) return 0;
  const asked = control.asked;
  const end = (length + LINK_HEADER) >>> 0;
  if (asked === 0 || end <= start || !isRoomy(packet, places & 0xfff, length, 0)) return 0;
  if (!readLines(packet, start, (end - start) >>> 0, 0)) return 0;
  if (work.found === FTP_ACTIVE) return isClients(index, connection.client) ? work.port & 0xffff : 0;
  // 0 and 1 mean something else.
  control.asked = asked === 0xffff ? 2 : asked + 1;
  return 0;
}
