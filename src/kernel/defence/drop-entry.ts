// SPDX-License-Identifier: MIT OR GPL-2.0-only
/**
 * drop_entry: each second a thirty-second part of the connection table, anywhere, is looked through, and half-open connections
 * there end: what a flood of SYNs with forged sources leaves behind (recordings: defence.json). It is done in shares, one a tick.
 */
import { type Infer, make, random, readOnce, repeat, struct, u32 } from "../../bpf/index.ts";
import { currentTick } from "../clock.ts";
import { retire } from "../connection/retire.ts";
import { persistence } from "../options.ts";
import { slotOfControl, templateOf } from "../persistence/control.ts";
import { dueNoLaterThan } from "../state/follow.ts";
import {
  type Connection,
  connectionTable,
  STATE_ENDED,
  STATE_MASK,
  STATE_REMOVED,
  STATE_UNASSURED,
  settings,
} from "../tables.ts";

/** Bit n: state n is half-open: TCP's SYN_RECV and SYNACK, SCTP's INIT1 and INIT (17, 18). */
export const HALF_OPEN = 0x60408;

/** A tick's share of the table: a thirty-second part, in eight ticks (1.07 s). */
const SHARE_SHIFT = 8;

/** Slots looked at in one tick, at most: the timer runs with packet processing held up on its CPU. */
const MOST = 8192;

/** The slots from `first` on, around the end of the table at `limit`. */
export const Chance = struct("Chance", { first: u32, limit: u32 });
export type Chance = Infer<typeof Chance>;

/** Whether a connection with that state word is half-open, and alive. */
export function isHalfOpen(word: u32): boolean {
  if ((word & (STATE_REMOVED | STATE_ENDED)) !== 0) return false;
  const state = word & STATE_MASK;
  return state < 32 && ((HALF_OPEN >>> state) & 1) !== 0;
}

/** A template that no connection follows any more, as its last was half-open, goes too, unless an earlier one has proved it right. */
function releaseTemplate(connection: Connection, now: u32): void {
  const template = templateOf(connection);
  if (template === null || template.control !== 0) return;
  if ((readOnce(template, "state") & STATE_MASK) !== STATE_UNASSURED) return;
  template.expires = now;
  dueNoLaterThan(slotOfControl(connection.control), now);
}

function dropAt(i: u32, chance: Chance): u32 {
  const place = (chance.first + i) >>> 0;
  const index = place < chance.limit ? place : (place - chance.limit) >>> 0;
  const connection = connectionTable.lookup(index);
  if (connection === null) return 0;
  const word = readOnce(connection, "state");
  if (!isHalfOpen(word)) return 0;
  const now = currentTick();
  if (retire(connection, index, word, now) && persistence.value) releaseTemplate(connection, now);
  return 0;
}

/** Does a tick's share. */
export function dropHalfOpen(): void {
  const limit = settings.at(0).connectionLimit;
  const share = Math.min((limit >>> SHARE_SHIFT) + 1, MOST);
  const first = Number((BigInt(random()) * BigInt(limit)) >> 32n);
  const chance = make(Chance, { first, limit });
  repeat(share, dropAt, chance);
}
