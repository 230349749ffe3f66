// SPDX-License-Identifier: MIT OR GPL-2.0-only
/** What servers are told, as words of `Segment.told`. */
import type { u8, u32 } from "../../../bpf/index.ts";
import { family } from "../../options.ts";
import { type Connection, PROTOCOL_UDP, type Segment, TOLD_WORDS, wide } from "../../tables.ts";
import { OPTION_TOA } from "./options.ts";

/** The twelve bytes that a PROXY header of version 2 begins with: CR LF CR LF NUL CR LF "QUIT" LF. */
const SIGNATURE_0 = 0x0d0a0d0a;
const SIGNATURE_1 = 0x000d0a51;
const SIGNATURE_2 = 0x5549540a;
/** Version 2, command PROXY; address families; transport protocols; bytes of addresses and ports. */
const COMMAND = 0x21000000;
const INET = 0x100000;
const INET6 = 0x200000;
const STREAM = 0x10000;
const DATAGRAM = 0x20000;
const ADDRESSES = 12;
const ADDRESSES6 = 36;

/** TOA's option: kind, length, the client's port and address, as the toa module reads it. */
export function writeToa(work: Segment, index: u32, connection: Connection, length: u32): void {
  for (let i = 0; i < TOLD_WORDS; i++) work.told[i] = 0;
  work.told[0] = ((OPTION_TOA << 24) | (length << 16) | connection.clientPort) >>> 0;
  if (family.value === 4) {
    work.told[1] = connection.client;
    return;
  }
  const addresses = wide.lookup(index);
  if (addresses === null) return;
  for (let i = 0; i < 4; i++) work.told[1 + i] = addresses.client.words[i]!;
}

/** A PROXY header: the client's address and the virtual service's (proxy-protocol.txt, section 2.2). */
export function writeProxy(work: Segment, index: u32, connection: Connection, protocol: u8): void {
  const transport = protocol === PROTOCOL_UDP ? DATAGRAM : STREAM;
  const ports = ((connection.clientPort << 16) | connection.virtualPort) >>> 0;
  work.told[0] = SIGNATURE_0;
  work.told[1] = SIGNATURE_1;
  work.told[2] = SIGNATURE_2;
  if (family.value === 4) {
    work.told[3] = (COMMAND | INET | transport | ADDRESSES) >>> 0;
    work.told[4] = connection.client;
    work.told[5] = connection.virtual;
    work.told[6] = ports;
    for (let i = 7; i < TOLD_WORDS; i++) work.told[i] = 0;
    return;
  }
  work.told[3] = (COMMAND | INET6 | transport | ADDRESSES6) >>> 0;
  const addresses = wide.lookup(index);
  if (addresses === null) return;
  for (let i = 0; i < 4; i++) {
    work.told[4 + i] = addresses.client.words[i]!;
    work.told[8 + i] = addresses.virtual.words[i]!;
  }
  work.told[12] = ports;
}
