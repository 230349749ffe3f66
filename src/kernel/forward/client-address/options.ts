// SPDX-License-Identifier: MIT OR GPL-2.0-only
/**
 * The client's TCP options. Whoever tells servers an address in option 254 must let no client do so: what a client sends in
 * that option is overwritten by no-operations, and so is what is behind a list that is malformed, as servers may read it
 * in another way. Lengths never change.
 */
import {
  checksumDifference,
  copy,
  type Infer,
  loadBytes,
  make,
  type Packet,
  repeat,
  replaceL4Checksum,
  storeBytes,
  struct,
  type u16,
  u32,
} from "../../../bpf/index.ts";
import { TCP_CHECKSUM, TCP_HEADER } from "../../headers.ts";
import { segment, TCP_OPTIONS } from "../../tables.ts";
import { tcpHeaderLength } from "../wire-length.ts";

/** Kinds of options (RFC 9293, RFC 7323). */
export const OPTION_END = 0;
export const OPTION_NONE = 1;
export const OPTION_MSS = 2;
const OPTION_WINDOW_SCALE = 3;
const OPTION_TIMESTAMPS = 8;
/** Of RFC 4727, for experiments: TOA's. */
export const OPTION_TOA = 254;

/** What is done to a list of options, by bits: only those stay that need not know of sequence numbers; the MSS shrinks. */
export const ONLY_PLAIN = 1;
export const SHRINK_MSS = 2;

/** A segment size that is not made smaller. */
const SMALL_MSS = 256;

/** Each step passes a byte or finds an option to take out, of which there are no more than 20. */
const STEPS = 64;

export const OptionWalk = struct("OptionWalk", {
  at: u32,
  length: u32,
  /** Up to here bytes become no-operations. */
  until: u32,
  /** What the rest becomes: 1 + the byte; 0: it is still to be read. */
  rest: u32,
  changed: u32,
  /** ONLY_PLAIN, SHRINK_MSS. */
  what: u32,
  /** Bytes by which the MSS shrinks. */
  by: u32,
});
export type OptionWalk = Infer<typeof OptionWalk>;

function step(_round: u32, walk: OptionWalk): u32 {
  const work = segment.lookup(0);
  const at = walk.at;
  if (work === null || at >= TCP_OPTIONS || at >= walk.length) return 1;
  if (at < walk.until || walk.rest !== 0) {
    const filler = at < walk.until ? OPTION_NONE : (walk.rest - 1) & 0xff;
    if (work.options[at]! !== filler) walk.changed = 1;
    work.options[at] = filler;
    walk.at = at + 1;
    return 0;
  }
  const kind = work.options[at]!;
  if (kind === OPTION_NONE) {
    walk.at = at + 1;
    return 0;
  }
  if (kind === OPTION_END) {
    walk.rest = 1 + OPTION_END;
    return 0;
  }
  const size = work.options[at + 1]!;
  if (at + 1 >= walk.length || size < 2 || at + size > walk.length) {
    walk.rest = 1 + OPTION_NONE;
    return 0;
  }
  const isPlain = kind === OPTION_MSS || kind === OPTION_WINDOW_SCALE || kind === OPTION_TIMESTAMPS;
  if (kind === OPTION_TOA || ((walk.what & ONLY_PLAIN) !== 0 && !isPlain)) {
    walk.until = at + size;
    return 0;
  }
  if ((walk.what & SHRINK_MSS) !== 0 && kind === OPTION_MSS && size === 4) {
    const most = (work.options[at + 2]! << 8) | work.options[at + 3]!;
    if (most >= SMALL_MSS) {
      const smaller = (most - walk.by) >>> 0;
      work.options[at + 2] = (smaller >>> 8) & 0xff;
      work.options[at + 3] = smaller & 0xff;
      walk.changed = 1;
    }
  }
  walk.at = at + size;
  return 0;
}

/**
 * Makes the TCP options of a packet safe, and does `what` (ONLY_PLAIN, SHRINK_MSS by `by` bytes). The transport header is in the
 * packet, which is `end` bytes long. False: its length is wrong. @separate
 */
export function tidyOptions(packet: Packet, transport: u16, end: u32, what: u32, by: u32): boolean {
  const header = tcpHeaderLength(packet, transport);
  if (header < TCP_HEADER || transport + header > end) return false;
  if (header === TCP_HEADER) return true;
  const length = header - TCP_HEADER;
  const work = segment.lookup(0);
  if (work === null || length < 1 || length > TCP_OPTIONS) return false;
  const start = transport + TCP_HEADER;
  // What is behind the options stays as it is, and so adds nothing to the difference.
  if (loadBytes(packet, start, work.options, length) !== 0) return false;
  copy(work.before, work.options);
  const walk = make(OptionWalk, { length, what, by });
  repeat(STEPS, step, walk);
  if (walk.changed === 0) return true;
  const change = checksumDifference(work.before, work.options, 0);
  if (storeBytes(packet, start, work.options, 0, length) !== 0) return false;
  replaceL4Checksum(packet, transport + TCP_CHECKSUM, 0, change, 0);
  return true;
}
