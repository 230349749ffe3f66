// SPDX-License-Identifier: MIT OR GPL-2.0-only
/** A server's segment on a control connection. `places`: as in client.ts. */
import { type Packet, readOnce, replaceL4Checksum, swap32, type u16, type u32 } from "../../bpf/index.ts";
import { isRoomy } from "../forward/client-address/insert.ts";
import { LINK_HEADER, TCP_CHECKSUM, TCP_SYN, Tcp } from "../headers.ts";
import { family } from "../options.ts";
import {
  connectionTable,
  FTP_PASSIVE,
  FTP_TEXT,
  type FtpControl,
  type FtpWork,
  ftpControls,
  ftpWork,
} from "../tables.ts";
import { MOST_GROWTH } from "./client.ts";
import { readLines } from "./read.ts";
import { replaceText, writeText } from "./replace.ts";
import { isAcknowledged, lastEdit, toClient, written } from "./stream.ts";

/** Ports of passive data connections: servers use no others, and behind others there is something else. */
const FIRST_PASSIVE_PORT = 1024;

/** Answer of `hearServer` that is no port: the segment must not go on. It will be sent again. */
export const AGAIN = 0x10000;

/** Whether the address that a server named is its own, as it sees that or as its clients do. The answer 229 has none: yes. */
function isServers(work: FtpWork, server: u32, virtual: u32): boolean {
  if (work.version === 0) return true;
  if (family.value === 6) return false;
  const named = work.address.words[0]!;
  return named === server || named === virtual;
}

/**
 * What a server's segment says, if it was asked where it waits for a data connection. Answers the port; 0: it says nothing, or
 * nothing that is followed. AGAIN: it needs an edit, and the one before is not acknowledged yet. @separate
 */
export function hearServer(packet: Packet, places: u32, length: u32, index: u32): u32 {
  const start = (places >>> 12) & 0xfff;
  const connection = connectionTable.lookup(index);
  const control = ftpControls.lookup(index);
  const work = ftpWork.lookup(0);
  const tcp = packet.header(Tcp, places & 0xfff);
  if (connection === null || control === null || work === null || tcp === null) return 0;
  const sequence = tcp.sequence;
  const asked = readOnce(control, "asked");
  const end = (length + LINK_HEADER) >>> 0;
  if (asked < 2 || asked === control.turn || end <= start || (tcp.flags & TCP_SYN) !== 0) return 0;
  if (!isRoomy(packet, places & 0xfff, length, MOST_GROWTH)) return 0;
  if (!readLines(packet, start, (end - start) >>> 0, 1) || work.found !== FTP_PASSIVE) return 0;
  // What has passed as it was, even in part, must not become something else when it is sent again.
  if (((sequence + work.line - control.sent) | 0) < 0) return 0;
  const port = work.port & 0xffff;
  if (port < FIRST_PASSIVE_PORT || !isServers(work, connection.server, connection.virtual)) return 0;
  return control.current !== 0 && !isAcknowledged(control, lastEdit(control)) ? AGAIN : port;
}

/** The answer that was read is followed: the client's connection is expected at `virtualPort`. @separate */
export function noteAnswer(packet: Packet, places: u32, index: u32, virtualPort: u16): u32 {
  const connection = connectionTable.lookup(index);
  const control = ftpControls.lookup(index);
  const work = ftpWork.lookup(0);
  const tcp = packet.header(Tcp, places & 0xfff);
  if (connection === null || control === null || work === null || tcp === null) return 0;
  const sequence = tcp.sequence;
  control.turn = readOnce(control, "asked");
  const hasAddress = work.version === 4;
  const isSameAddress = !hasAddress || work.address.words[0]! === connection.virtual;
  if (isSameAddress && virtualPort === work.port) return 0;
  const current = control.current;
  const before = current === 0 ? 0 : lastEdit(control).after;
  const edit = control.edits[(current + 1) & 1]!;
  edit.before = before;
  edit.start = (sequence + work.start) >>> 0;
  edit.length = (work.end - work.start) & 0xffff;
  edit.port = virtualPort;
  edit.hasAddress = hasAddress ? 1 : 0;
  edit.written = writeText(work, edit, connection) & 0xffff;
  edit.after = (before + edit.written - edit.length) >>> 0;
  // 0 means that there is none.
  control.current = current === 0xffffffff ? 2 : current + 1;
  return 0;
}

/** Notes how far the server's stream has come by a segment of it. Answers how many bytes of data that has. */
function noteSent(control: FtpControl, tcp: Tcp, places: u32, length: u32): u32 {
  const start = (places >>> 12) & 0xfff;
  const end = (length + LINK_HEADER) >>> 0;
  const sequence = tcp.sequence;
  if ((tcp.flags & TCP_SYN) !== 0) {
    if (control.sent === 0) control.sent = (sequence + 1) >>> 0;
    return 0;
  }
  if (end <= start) return 0;
  const size = (end - start) & 0xffffff;
  const next = (sequence + size) >>> 0;
  if (((next - control.sent) | 0) > 0) control.sent = next;
  return size;
}

/**
 * Gives a server's segment the text that the client is to read, as far as it has a part of it. Answers the length of the IP
 * packet, which was `length`; 0: it cannot be sent. @separate
 */
export function editServers(packet: Packet, places: u32, length: u32, index: u32): u32 {
  const transport = places & 0xfff;
  const start = (places >>> 12) & 0xfff;
  const connection = connectionTable.lookup(index);
  const control = ftpControls.lookup(index);
  const work = ftpWork.lookup(0);
  const tcp = packet.header(Tcp, transport);
  if (connection === null || control === null || work === null || tcp === null) return 0;
  const behind = noteSent(control, tcp, places, length);
  if (control.current === 0 || behind === 0) return length;
  const edit = lastEdit(control);
  const first = (tcp.sequence - edit.start) | 0;
  const last = first + behind;
  if (last <= 0 || first >= edit.length) return length;
  const from = Math.max(first, 0);
  const to = Math.min(last, edit.length);
  if (to < from || to > FTP_TEXT || !isRoomy(packet, transport, length, MOST_GROWTH)) return 0;
  writeText(work, edit, connection);
  const offset = written(edit, from >>> 0);
  const inserted = written(edit, to >>> 0);
  if (inserted < offset) return 0;
  work.position = (start + from - first) >>> 0;
  work.removed = (to - from) >>> 0;
  work.offset = offset;
  work.inserted = (inserted - offset) >>> 0;
  if (!replaceText(packet, transport, length)) return 0;
  return (length + work.inserted - work.removed) >>> 0;
}

/** Gives a server's segment, which is `length` bytes long by now, the number that the client knows. False: it is none. @separate */
export function renumber(packet: Packet, places: u32, index: u32, length: u32): boolean {
  const transport = places & 0xfff;
  const control = ftpControls.lookup(index);
  const tcp = packet.header(Tcp, transport);
  if (length === 0 || control === null || tcp === null) return false;
  if (control.current === 0 || (tcp.flags & TCP_SYN) !== 0) return true;
  const before = tcp.sequence;
  const after = toClient(lastEdit(control), before);
  tcp.sequence = after;
  replaceL4Checksum(packet, transport + TCP_CHECKSUM, swap32(before), swap32(after), 4);
  return true;
}
