// SPDX-License-Identifier: MIT OR GPL-2.0-only
/** What is known of FTP control connections whose data connections are followed. */
import { array, arrayMap, bytes, type Infer, perCpuArrayMap, struct, u16, u32 } from "../../bpf/index.ts";
import { Address } from "./address.ts";

/**
 * A place of the server's stream where a text was replaced. Sequence numbers of the stream up to `start` differ from those that
 * the client knows by `before`, those behind the text by `after` (modulo 2³²).
 */
export const FtpEdit = struct("FtpEdit", {
  /** Sequence number of the first byte that was replaced, as the server counts. */
  start: u32,
  before: u32,
  after: u32,
  /** Bytes that were replaced, and bytes of what is there now. */
  length: u16,
  written: u16,
  /** The port that is there now; whether the virtual address is there, too. */
  port: u16,
  hasAddress: u16,
});
export type FtpEdit = Infer<typeof FtpEdit>;

/**
 * An FTP control connection (STATE_HELPED), in the same slot as the connection; cleared when that begins. Runtime. A field that
 * the client's segments change is changed by no segment of the server, and the other way round.
 */
export const FtpControl = struct("FtpControl", {
  /** The last edit and the one before, by `current` modulo 2; `current` 0: none. By the server's segments. */
  edits: array(FtpEdit, 2),
  current: u32,
  /** Sequence number behind all that the server has sent. By the server's segments. */
  sent: u32,
  /** The furthest acknowledgement. By the client's segments. */
  acknowledged: u32,
  /** 0: the client's SYN was not seen; then 1 more for each PASV and EPSV. By the client's segments. */
  asked: u16,
  /** What `asked` was when the server last answered; 0: never. By the server's segments. */
  turn: u16,
  /** Connections that end not before this one (atomic). */
  followers: u32,
  /** `controlOf` the connection that waits for its first packet; 0: none. By atomic exchange. */
  expected: u32,
});
export type FtpControl = Infer<typeof FtpControl>;
export const ftpControls = arrayMap("ftp_controls", { value: FtpControl, entries: 262144, mappable: true });

/** How much of a segment is read. */
export const FTP_READ = 512;
/** More than any text that is replaced, or put in its place, has bytes. */
export const FTP_TEXT = 32;

/** Values of `FtpWork.found`. */
export const FTP_NOTHING = 0;
export const FTP_PASSIVE = 1;
export const FTP_ACTIVE = 2;

/** The segment in hand: how far it is read, what was found, what is replaced. Per CPU. Runtime. */
export const FtpWork = struct("FtpWork", {
  bytes: bytes(FTP_READ),
  /** Of the line: bytes seen, the first ones as a number, what is read in it (ftp/read.ts). */
  column: u32,
  word: u32,
  step: u32,
  /** The number that is being read and its digits; numbers read; whether anything was wrong. */
  number: u32,
  digits: u32,
  count: u32,
  wrong: u32,
  /** What stands between fields. IPv6: 1 + the number of groups before "::"; whether the last character was a colon. */
  delimiter: u32,
  gap: u32,
  isColon: u32,
  groups: array(u32, 8),
  /** FTP_*; where the line begins, and the text in it from first to last byte (not included), from `bytes`. */
  found: u32,
  line: u32,
  start: u32,
  end: u32,
  /** The endpoint that was found. IPv4: the first word. The IP version: 4, 6; 0: none was said. */
  address: Address,
  port: u32,
  version: u32,
  /** What is replaced: the place in the frame, bytes there; from which byte on `text` comes there, and how many. */
  position: u32,
  removed: u32,
  offset: u32,
  inserted: u32,
  text: bytes(FTP_TEXT),
  before: bytes(FTP_TEXT),
  after: bytes(FTP_TEXT),
});
export type FtpWork = Infer<typeof FtpWork>;
export const ftpWork = perCpuArrayMap("ftp_work", { value: FtpWork, entries: 1 });
