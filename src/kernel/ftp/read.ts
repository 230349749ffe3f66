// SPDX-License-Identifier: MIT OR GPL-2.0-only
/**
 * What a segment of a control connection says about data connections, byte by byte: the client's PORT, EPRT, PASV and EPSV, and
 * the server's answers to the last two (RFC 959, RFC 2428). The first one in a segment counts, if all of it is there. What was found
 * is in `ftpWork`.
 */
import { type Infer, loadBytes, make, type Packet, repeat, struct, type u8, u32 } from "../../bpf/index.ts";
import { FTP_ACTIVE, FTP_NOTHING, FTP_PASSIVE, FTP_READ, type FtpWork, ftpWork } from "../tables.ts";

const LINE_FEED = 10;
const CARRIAGE_RETURN = 13;
const SPACE = 32;
const OPENING = 40;
const COMMA = 44;
const DOT = 46;
const COLON = 58;

/** The first four bytes of lines. */
const PORT = 0x504f5254;
const EPRT = 0x45505254;
const PASV = 0x50415356;
const EPSV = 0x45505356;
const ANSWER_227 = 0x32323720;
const ANSWER_229 = 0x32323920;

/** What a delimiter of EPRT and EPSV may be, but for digits (RFC 2428, section 2). */
const FIRST_DELIMITER = 33;
const LAST_DELIMITER = 126;

/** Steps of EPRT: what is expected next. The last four are also those of the answer 229, behind its parenthesis. */
const STEP_BEGIN = 0;
const STEP_VERSION = 1;
const STEP_ADDRESS_NEXT = 2;
const STEP_ADDRESS = 3;
const STEP_PORT = 4;
const STEP_END = 5;

/** How much is read, and of whom: the server (1) or the client (0). */
export const Reading = struct("Reading", { length: u32, isServer: u32 });
export type Reading = Infer<typeof Reading>;

function beginLine(work: FtpWork, at: u32): void {
  work.line = at;
  work.column = 0;
  work.word = 0;
  work.step = 0;
  work.gap = 0;
  work.isColon = 0;
  forget(work);
}

/** Numbers read so far were none that count. */
function forget(work: FtpWork): void {
  work.number = 0;
  work.digits = 0;
  work.count = 0;
  work.wrong = 0;
}

function isDigit(byte: u8): boolean {
  return byte >= 48 && byte <= 57;
}

function mayDelimit(byte: u8): boolean {
  return byte >= FIRST_DELIMITER && byte <= LAST_DELIMITER && !isDigit(byte);
}

/** Another digit of a number with so many digits in the most, which is no more than `largest`. */
function addDigit(work: FtpWork, byte: u8, most: u32, largest: u32): void {
  const number = work.number * 10 + ((byte - 48) & 15);
  work.number = number;
  work.digits = work.digits + 1;
  if (work.digits > most || number > largest) work.wrong = 1;
}

/** A number is complete: four are an IPv4 address, two more a port. */
function addOctet(work: FtpWork): void {
  const octet = work.number & 0xff;
  if (work.count < 4) work.address.words[0] = ((work.address.words[0]! << 8) | octet) >>> 0;
  else work.port = ((work.port << 8) | octet) & 0xffff;
  work.count = work.count + 1;
  work.number = 0;
  work.digits = 0;
}

/** Whether a number without fault, the `count`th from 0, ends here. */
function endsNumber(work: FtpWork, count: u32): boolean {
  return work.digits !== 0 && work.wrong === 0 && work.count === count;
}

/** The answer 227: six numbers, with commas and nothing else between them, wherever they are in the line. */
function readPassive(work: FtpWork, at: u32, byte: u8): void {
  if (isDigit(byte)) {
    if (work.digits === 0 && work.count === 0) work.start = at;
    addDigit(work, byte, 3, 255);
    return;
  }
  if (byte === COMMA) {
    if (work.digits !== 0 && work.count < 5) addOctet(work);
    else work.wrong = 1;
    return;
  }
  if (!endsNumber(work, 5)) {
    forget(work);
    return;
  }
  addOctet(work);
  work.version = 4;
  work.end = at;
  work.found = FTP_PASSIVE;
}

/** The answer 229: "(", three delimiters, the port, a delimiter. */
function readExtendedPassive(work: FtpWork, at: u32, byte: u8): void {
  const step = work.step;
  if (byte === OPENING) {
    work.step = 1;
    forget(work);
  } else if (step === 1) {
    work.delimiter = byte;
    work.step = mayDelimit(byte) ? 2 : 0;
  } else if (step === 2 || step === 3) {
    work.step = byte === work.delimiter ? step + 1 : 0;
  } else if (step === STEP_PORT) {
    if (isDigit(byte)) {
      if (work.digits === 0) work.start = at;
      addDigit(work, byte, 5, 0xffff);
    } else if (byte === work.delimiter && endsNumber(work, 0)) {
      work.port = work.number;
      work.version = 0;
      work.end = at;
      work.found = FTP_PASSIVE;
    } else {
      work.step = 0;
    }
  }
}

function readAnswer(work: FtpWork, at: u32, byte: u8): void {
  const column = work.column;
  work.column = column + 1;
  if (column < 4) work.word = ((work.word << 8) | byte) >>> 0;
  else if (work.word === ANSWER_227) readPassive(work, at, byte);
  else if (work.word === ANSWER_229) readExtendedPassive(work, at, byte);
  if (byte === LINE_FEED && work.found === FTP_NOTHING) beginLine(work, (at + 1) >>> 0);
}

/** PORT's six numbers, to the end of the line. */
function readPort(work: FtpWork, byte: u8, isEnd: boolean): void {
  if (isDigit(byte)) {
    addDigit(work, byte, 3, 255);
  } else if (byte === COMMA && work.digits !== 0 && work.count < 5) {
    addOctet(work);
  } else if (isEnd && endsNumber(work, 5)) {
    addOctet(work);
    work.version = 4;
    work.found = FTP_ACTIVE;
  } else if (byte !== SPACE || work.digits !== 0 || work.count !== 0) {
    work.wrong = 1;
  }
}

/** The value of a hexadecimal digit; 16: it is none. */
function hexadecimal(byte: u8): u32 {
  if (isDigit(byte)) return (byte - 48) & 15;
  const letter = byte | 32;
  return letter >= 97 && letter <= 102 ? (letter - 87) & 15 : 16;
}

/** A group of an IPv6 address is complete. */
function addGroup(work: FtpWork): void {
  const count = work.count;
  if (count > 7) {
    work.wrong = 1;
    return;
  }
  work.groups[count] = work.number;
  work.count = count + 1;
  work.number = 0;
  work.digits = 0;
}

/** IPv6 addresses as RFC 4291, section 2.2, writes them, but without dots. */
function readGroups(work: FtpWork, byte: u8): void {
  const value = hexadecimal(byte);
  if (value < 16) {
    work.number = (work.number & 0xfffff) * 16 + value;
    work.digits = work.digits + 1;
    work.isColon = 0;
    if (work.digits > 4) work.wrong = 1;
  } else if (byte !== COLON) {
    work.wrong = 1;
  } else if (work.digits !== 0) {
    addGroup(work);
    work.isColon = 1;
  } else if (work.isColon !== 0) {
    if (work.gap !== 0) work.wrong = 1;
    work.gap = work.count + 1;
  } else {
    if (work.count !== 0) work.wrong = 1;
    work.isColon = 1;
  }
}

/** An address of EPRT is at its end. */
function endAddress(work: FtpWork): void {
  if (work.version === 4) {
    if (endsNumber(work, 3)) addOctet(work);
    else work.wrong = 1;
  } else {
    if (work.digits !== 0) addGroup(work);
    else if (work.gap !== work.count + 1) work.wrong = 1;
    if (work.gap === 0 ? work.count !== 8 : work.count > 7) work.wrong = 1;
  }
}

function readAddress(work: FtpWork, byte: u8): void {
  if (work.version !== 4) readGroups(work, byte);
  else if (isDigit(byte)) addDigit(work, byte, 3, 255);
  else if (byte === DOT && work.digits !== 0 && work.count < 3) addOctet(work);
  else work.wrong = 1;
}

/** EPRT: "|1|10.0.0.1|1025|" or "|2|2001:db8::1|1025|", with any delimiter. */
function readExtendedPort(work: FtpWork, byte: u8, isEnd: boolean): void {
  const step = work.step;
  if (step === STEP_BEGIN) {
    if (byte === SPACE) return;
    if (!mayDelimit(byte)) work.wrong = 1;
    work.delimiter = byte;
    work.step = STEP_VERSION;
  } else if (step === STEP_VERSION) {
    // "1" and "2" are the address families.
    work.version = byte === 49 ? 4 : 6;
    if (byte !== 49 && byte !== 50) work.wrong = 1;
    work.step = STEP_ADDRESS_NEXT;
  } else if (step === STEP_ADDRESS_NEXT) {
    if (byte !== work.delimiter) work.wrong = 1;
    work.step = STEP_ADDRESS;
  } else if (step === STEP_ADDRESS) {
    if (byte !== work.delimiter) {
      readAddress(work, byte);
      return;
    }
    endAddress(work);
    work.step = STEP_PORT;
    work.number = 0;
    work.digits = 0;
  } else if (step === STEP_PORT) {
    if (isDigit(byte)) {
      addDigit(work, byte, 5, 0xffff);
      return;
    }
    if (byte !== work.delimiter || work.digits === 0) work.wrong = 1;
    work.port = work.number;
    work.step = STEP_END;
  } else if (isEnd && work.wrong === 0) {
    work.found = FTP_ACTIVE;
  } else {
    work.wrong = 1;
  }
}

function readCommand(work: FtpWork, at: u32, byte: u8): void {
  const column = work.column;
  work.column = column + 1;
  const isEnd = byte === LINE_FEED || byte === CARRIAGE_RETURN;
  const word = work.word;
  if (column < 4) {
    const isSmall = byte >= 97 && byte <= 122;
    work.word = ((word << 8) | (isSmall ? byte - 32 : byte)) >>> 0;
  } else if (column === 4) {
    if ((word === PASV || word === EPSV) && (isEnd || byte === SPACE)) work.found = FTP_PASSIVE;
    if (byte !== SPACE) work.wrong = 1;
  } else if (word === PORT) {
    readPort(work, byte, isEnd);
  } else if (word === EPRT) {
    readExtendedPort(work, byte, isEnd);
  }
  if (byte === LINE_FEED && work.found === FTP_NOTHING) beginLine(work, (at + 1) >>> 0);
}

function readByte(at: u32, reading: Reading): u32 {
  const work = ftpWork.lookup(0);
  if (work === null || at >= reading.length || at >= FTP_READ) return 1;
  const byte = work.bytes[at]!;
  if (reading.isServer !== 0) readAnswer(work, at, byte);
  else readCommand(work, at, byte);
  return work.found !== FTP_NOTHING ? 1 : 0;
}

/**
 * Reads `size` bytes of a packet from `offset` on, no more than FTP_READ; `isServer`: 1 or 0, whose they are. Whether anything was
 * found. @separate
 */
export function readLines(packet: Packet, offset: u32, size: u32, isServer: u32): boolean {
  const work = ftpWork.lookup(0);
  const length = Math.min(size, FTP_READ);
  if (work === null || length < 1) return false;
  if (loadBytes(packet, offset, work.bytes, length) !== 0) return false;
  work.found = FTP_NOTHING;
  work.version = 0;
  beginLine(work, 0);
  const reading = make(Reading, { length, isServer });
  repeat(FTP_READ, readByte, reading);
  return work.found !== FTP_NOTHING;
}

/** Makes the groups that were read of an IPv6 address the address. */
export function expandGroups(work: FtpWork): void {
  const missing = work.gap === 0 ? 0 : (8 - work.count) & 7;
  const first = work.gap === 0 ? 8 : work.gap - 1;
  for (let i = 0; i < 4; i++) work.address.words[i] = 0;
  for (let i = 0; i < 8; i++) {
    let group = 0;
    if (i < first) group = work.groups[i]!;
    else if (i >= first + missing) group = work.groups[(i - missing) & 7]!;
    const word = work.address.words[i >>> 1]!;
    work.address.words[i >>> 1] = ((word << 16) | (group & 0xffff)) >>> 0;
  }
}
