// SPDX-License-Identifier: MIT OR GPL-2.0-only
/**
 * The two countings of a server's stream: its own, and the client's, who gets another text at one place, or at several, one after the
 * other. Only the last is remembered: an edit is made only when the client has acknowledged the one before, so what
 * comes late from before that one is old, and is taken for old, whatever its number.
 *
 * Of a replaced text the bytes are told apart: each byte but the last stands for the one in its place, the last for the rest. So
 * segments may be cut anywhere when they are sent again.
 */
import { readOnce, type s32, type u32 } from "../../bpf/index.ts";
import type { FtpControl, FtpEdit } from "../tables.ts";

/** The last edit of a control connection whose `current` is not 0. */
export function lastEdit(control: FtpControl): FtpEdit {
  return control.edits[readOnce(control, "current") & 1]!;
}

/** From which byte of the new text on the one after `passed` bytes of the old one comes; `passed`: 0 … length. */
export function written(edit: FtpEdit, passed: u32): u32 {
  const all = edit.written;
  if (passed >= edit.length) return all;
  return all === 0 ? 0 : Math.min(passed, (all - 1) >>> 0);
}

/** The number by which the client knows what the server calls `sequence`. */
export function toClient(edit: FtpEdit, sequence: u32): u32 {
  const passed: s32 = (sequence - edit.start) | 0;
  if (passed <= 0) return (sequence + edit.before) >>> 0;
  if (passed >= edit.length) return (sequence + edit.after) >>> 0;
  return (edit.start + edit.before + written(edit, passed)) >>> 0;
}

/** The number by which the server knows what the client calls `sequence`. */
export function toServer(edit: FtpEdit, sequence: u32): u32 {
  const start = (edit.start + edit.before) >>> 0;
  const passed: s32 = (sequence - start) | 0;
  if (passed <= 0) return (sequence - edit.before) >>> 0;
  if (passed >= edit.written) return (sequence - edit.after) >>> 0;
  // Of what is not complete, the last byte has not been acknowledged.
  const most = edit.length === 0 ? 0 : (edit.length - 1) >>> 0;
  return (edit.start + Math.min(passed, most)) >>> 0;
}

/** Whether the client has acknowledged all of the last edit. */
export function isAcknowledged(control: FtpControl, edit: FtpEdit): boolean {
  const end = (edit.start + edit.before + edit.written) >>> 0;
  return ((readOnce(control, "acknowledged") - end) | 0) >= 0;
}
