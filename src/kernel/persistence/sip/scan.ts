// SPDX-License-Identifier: MIT OR GPL-2.0-only
/**
 * Finds the Call-ID of a SIP message (RFC 3261), byte by byte:
 * - the header field's name is "Call-ID" or its compact form "i", in any case, with blanks before the colon or without (7.3.1, 7.3.3);
 * - the value may begin on the next line, which then begins with a blank (folding, 7.3.1);
 * - a line ends with CR LF, or with either alone (as RFC 2543 allowed); header fields end at the first empty line, what follows is the body;
 * - a Call-ID is up to 255 visible characters, compared byte by byte (8.1.1.4). One that is longer, has anything else in it, or is not
 *   followed by the end of its line is none. The first one counts.
 */
import { type Infer, make, repeat, struct, type u8, u32 } from "../../../bpf/index.ts";
import { CALL_ID_LENGTH, SIP_WINDOW, type SipMessage, sipMessage } from "../../tables.ts";

/** What the next byte belongs to: line ends before the message; a line, after what makes it uninteresting; its beginning. */
const SCAN_BEFORE = 0;
const SCAN_REST = 1;
const SCAN_LINE = 2;
/** The name of the header field; what is between it and its value; that, after a line's end; the value; blanks after it. */
const SCAN_NAME = 3;
const SCAN_COLON = 4;
const SCAN_VALUE = 5;
const SCAN_FOLDED = 6;
const SCAN_CALL_ID = 7;
const SCAN_TRAILING = 8;
/** There is a Call-ID; there is none. */
const SCAN_FOUND = 9;
const SCAN_NONE = 10;

const TAB = 9;
const LINE_FEED = 10;
const RETURN = 13;
const SPACE = 32;
const COLON = 58;
/** The first and the last visible character. */
const FIRST_VISIBLE = 33;
const LAST_VISIBLE = 126;
/** Makes capital letters small, and nothing else a letter. */
const SMALL = 0x20;
const SMALL_C = 0x63;
const SMALL_I = 0x69;

/** "call-id", the first letter in the low byte. */
const NAME = 0x64692d6c6c6163n;
const NAME_LENGTH = 7;

/** The message is looked through from its beginning. */
export function begin(message: SipMessage): void {
  message.scan = SCAN_BEFORE;
  message.fitted = 0;
  message.before = 0;
  message.length = 0;
  for (let i = 0; i < message.callId.words.length; i++) message.callId.words[i] = 0n;
}

/** A byte of the Call-ID. */
function append(message: SipMessage, byte: u8): u32 {
  if (byte < FIRST_VISIBLE || byte > LAST_VISIBLE) return SCAN_NONE;
  const at = message.length;
  if (at >= CALL_ID_LENGTH) return SCAN_NONE;
  const words = message.callId.words;
  words[at >>> 3] = words[at >>> 3]! | (BigInt(byte) << (BigInt((at & 7) << 3) & 63n));
  message.length = at + 1;
  return SCAN_CALL_ID;
}

/** What comes after a byte that ends a line. */
function afterEnd(scan: u32): u32 {
  if (scan === SCAN_BEFORE) return SCAN_BEFORE;
  if (scan === SCAN_VALUE) return SCAN_FOLDED;
  if (scan === SCAN_CALL_ID || scan === SCAN_TRAILING) return SCAN_FOUND;
  return scan === SCAN_LINE || scan === SCAN_FOLDED ? SCAN_NONE : SCAN_LINE;
}

/** What comes after a blank. */
function afterBlank(scan: u32): u32 {
  if (scan === SCAN_FOLDED) return SCAN_VALUE;
  if (scan === SCAN_CALL_ID) return SCAN_TRAILING;
  return scan === SCAN_COLON || scan === SCAN_VALUE || scan === SCAN_TRAILING ? scan : SCAN_REST;
}

/** What comes after any other byte. */
function after(message: SipMessage, scan: u32, byte: u8): u32 {
  if (scan === SCAN_VALUE || scan === SCAN_CALL_ID) return append(message, byte);
  if (scan === SCAN_FOLDED || scan === SCAN_TRAILING) return SCAN_NONE;
  if (scan === SCAN_COLON) return byte === COLON ? SCAN_VALUE : SCAN_REST;
  const letter = byte | SMALL;
  if (scan === SCAN_LINE) {
    message.fitted = 1;
    if (letter === SMALL_C) return SCAN_NAME;
    return letter === SMALL_I ? SCAN_COLON : SCAN_REST;
  }
  if (scan !== SCAN_NAME) return SCAN_REST;
  const fitted = message.fitted;
  if (BigInt(letter) !== ((NAME >> (BigInt((fitted & 7) << 3) & 63n)) & 0xffn)) return SCAN_REST;
  message.fitted = fitted + 1;
  return fitted + 1 >= NAME_LENGTH ? SCAN_COLON : SCAN_NAME;
}

/** All there is to know is in `sipMessage`: the verifier need not follow it. */
export const Scan = struct("Scan", { reserved: u32 });
export type Scan = Infer<typeof Scan>;

function scanByte(i: u32, _scan: Scan): u32 {
  const message = sipMessage.lookup(0);
  if (message === null || i >= SIP_WINDOW) return 1;
  const byte = message.bytes[i]!;
  const isSecondOfEnd = byte === LINE_FEED && message.before === RETURN;
  message.before = byte;
  if (isSecondOfEnd) return 0;
  const scan = message.scan;
  let next = SCAN_NONE;
  if (byte === LINE_FEED || byte === RETURN) next = afterEnd(scan);
  else if (byte === SPACE || byte === TAB) next = afterBlank(scan);
  else next = after(message, scan, byte);
  message.scan = next;
  return next >= SCAN_FOUND ? 1 : 0;
}

/** Looks through the first `length` bytes of `sipMessage`; whether there is a Call-ID, which then is in it. */
export function scan(message: SipMessage, length: u32): boolean {
  begin(message);
  repeat(length, scanByte, make(Scan));
  return message.scan === SCAN_FOUND;
}
