import { AttributeSet, align } from "./attribute.ts";

/** Flags of a netlink message: include/uapi/linux/netlink.h. */
export const NLM_F = {
  REQUEST: 0x001,
  MULTI: 0x002,
  ACK: 0x004,
  /** A dump met a change and may be inconsistent. */
  DUMP_INTR: 0x010,
  /** Of GET requests: everything, not one. */
  DUMP: 0x300,
  /** Of NEW requests: replace what exists. */
  REPLACE: 0x100,
  /** Of NEW requests: fail with EEXIST if it exists. */
  EXCL: 0x200,
  /** Of NEW requests: make it if it does not exist (fail with ENOENT otherwise). */
  CREATE: 0x400,
  APPEND: 0x800,
} as const;

/** Types of netlink's own messages. */
export const NLMSG = { NOOP: 1, ERROR: 2, DONE: 3 } as const;

/** Flags of an acknowledgement: the request is not quoted whole; attributes follow it. */
const CAPPED = 0x100;
const ACK_TLVS = 0x200;
const HEADER_SIZE = 16;

/*
 * The header of a message:  0  length (4)   4  type (2)   6  flags (2)   8  sequence (4)   12  port (4)
 */

/** A netlink message. */
export interface NetlinkMessage {
  readonly type: number;
  readonly flags: number;
  /** Says which request an answer belongs to. */
  readonly sequence: number;
  /** What follows the header. */
  readonly payload: Uint8Array;
}

/** The bytes of a message. */
export function encodeMessage(message: NetlinkMessage): Uint8Array {
  const size = HEADER_SIZE + message.payload.length;
  const bytes = new Uint8Array(align(size));
  const view = new DataView(bytes.buffer);
  view.setUint32(0, size, true);
  view.setUint16(4, message.type, true);
  view.setUint16(6, message.flags, true);
  view.setUint32(8, message.sequence, true);
  bytes.set(message.payload, HEADER_SIZE);
  return bytes;
}

/** The messages in what was received at once. Payloads are views of `bytes`. */
export function decodeMessages(bytes: Uint8Array): NetlinkMessage[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const messages: NetlinkMessage[] = [];
  for (let at = 0; at + HEADER_SIZE <= bytes.length; ) {
    const size = view.getUint32(at, true);
    if (size < HEADER_SIZE || at + size > bytes.length) break;
    messages.push({
      type: view.getUint16(at + 4, true),
      flags: view.getUint16(at + 6, true),
      sequence: view.getUint32(at + 8, true),
      payload: bytes.subarray(at + HEADER_SIZE, at + size),
    });
    at += align(size);
  }
  return messages;
}

/** What an error message, or the end of a dump, says. */
export interface Acknowledgement {
  /** A positive errno value; 0 for success. */
  readonly errno: number;
  /** The kernel's own explanation (extended acknowledgement), where it gives one. */
  readonly text: string | undefined;
}

/** Takes an NLMSG.ERROR or NLMSG.DONE message apart. */
export function decodeAcknowledgement(message: NetlinkMessage): Acknowledgement {
  const { payload, flags, type } = message;
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  const errno = payload.length >= 4 ? -view.getInt32(0, true) : 0;
  if ((flags & ACK_TLVS) === 0) return { errno: Math.max(0, errno), text: undefined };
  let at = 4;
  if (type === NLMSG.ERROR) at += flags & CAPPED ? HEADER_SIZE : align(view.getUint32(4, true));
  const text = new AttributeSet(payload.subarray(at)).text(1);
  return { errno: Math.max(0, errno), text: text === "" ? undefined : text };
}
