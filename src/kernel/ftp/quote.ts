// SPDX-License-Identifier: MIT OR GPL-2.0-only
/** ICMP errors from the client's side about segments of an FTP server: the sequence number that they quote, as the server counts. */
import { type Packet, replaceL4Checksum, swap32, type u16, type u32 } from "../../bpf/index.ts";
import { QuotedTcp } from "../forward/client-address/quote.ts";
import { ICMP_CHECKSUM } from "../headers.ts";
import { ftpControls } from "../tables.ts";
import { lastEdit, toServer } from "./stream.ts";

/**
 * Adapts an error that goes to the server of the control connection in slot `index`; its header is at `transport`, the quoted
 * packet's transport header at `inside`. @separate
 */
export function adaptControlQuote(packet: Packet, transport: u16, inside: u16, index: u32): u32 {
  const control = ftpControls.lookup(index);
  if (control === null || control.current === 0) return 0;
  const quote = packet.header(QuotedTcp, inside & 0xfff);
  if (quote === null) return 0;
  const before = quote.sequence;
  const after = toServer(lastEdit(control), before);
  quote.sequence = after;
  replaceL4Checksum(packet, (transport & 0xfff) + ICMP_CHECKSUM, swap32(before), swap32(after), 4);
  return 0;
}
