// SPDX-License-Identifier: MIT OR GPL-2.0-only
/**
 * Connections follow a template: as long as one does, the template stays, whatever its time. The template counts them.
 *
 * A template may go while connections follow it (expire_quiescent_template), and its slot become another's: they know theirs by
 * its generation.
 */
import { atomicAdd, atomicCompareExchange, readOnce, type u32 } from "../../bpf/index.ts";
import { holdControl, releaseControl } from "../ftp/control.ts";
import { ftp, sctpServices } from "../options.ts";
import {
  type Connection,
  connectionTable,
  FROM_SERVER,
  KIND_TEMPLATE,
  STATE_ASSURED,
  STATE_ESTABLISHED,
  STATE_GENERATION_SHIFT,
  STATE_MASK,
  STATE_REMOVED,
  STATE_SCTP_ESTABLISHED,
  STATE_UDP,
  STATE_UNASSURED,
  scratch,
} from "../tables.ts";

const SLOT_MASK = 0xffffff;

/** How often a count is changed when another CPU was first. */
const TRIES = 8;

/** What a connection's `control` says of the template in a slot: the slot plus 1 (24 bits) and 8 bits of its generation. */
export function controlOf(slot: u32, state: u32): u32 {
  return ((((state >>> STATE_GENERATION_SHIFT) & 0xff) << 24) | ((slot + 1) & SLOT_MASK)) >>> 0;
}

/** The slot that a connection's `control` (not 0) says. */
export function slotOfControl(control: u32): u32 {
  return ((control & SLOT_MASK) - 1) >>> 0;
}

/** The template that a connection follows, or null: none, or its slot is another's by now. */
export function templateOf(connection: Connection): Connection | null {
  const control = connection.control;
  if (control === 0) return null;
  const template = connectionTable.lookup(slotOfControl(control));
  if (template === null || (template.kind & KIND_TEMPLATE) === 0) return null;
  const generation = (readOnce(template, "state") >>> STATE_GENERATION_SHIFT) & 0xff;
  return generation === control >>> 24 ? template : null;
}

/** A template has one connection less. */
function release(template: Connection): void {
  for (let i = 0; i < TRIES; i++) {
    const count = readOnce(template, "control");
    if (count === 0) return;
    if (atomicCompareExchange(template, "control", count, (count - 1) >>> 0) === count) return;
  }
}

/** A new connection follows the template that `Scratch.control` names, if it names one. */
export function follow(connection: Connection): void {
  const mine = scratch.lookup(0);
  if (mine === null || mine.control === 0) return;
  connection.control = mine.control;
  mine.control = 0;
  const template = templateOf(connection);
  if (template === null) {
    if (ftp.value) holdControl(connection);
    return;
  }
  atomicAdd(template, "control", 1);
  if ((readOnce(template, "state") & STATE_REMOVED) === 0) return;
  release(template);
  connection.control = 0;
}

/** A connection that ends goes from its template. */
export function unfollow(connection: Connection): void {
  const template = templateOf(connection);
  if (template !== null) release(template);
  else if (ftp.value) releaseControl(connection);
}

/**
 * After a packet that brought a connection to this state: if it is established by now, or of UDP answered, its template is right (seen with
 * Linux 6.1).
 */
export function prove(connection: Connection, state: u32, direction: u32): void {
  const isAnswered = state === STATE_UDP && direction === FROM_SERVER;
  const isOpen = state === STATE_ESTABLISHED || (sctpServices.value && state === STATE_SCTP_ESTABLISHED);
  if (isOpen || isAnswered) assure(connection);
}

function assure(connection: Connection): void {
  const template = templateOf(connection);
  if (template === null) return;
  const word = readOnce(template, "state");
  if ((word & STATE_MASK) !== STATE_UNASSURED) return;
  // If another CPU has ended it in between, it stays so.
  atomicCompareExchange(template, "state", word, ((word & ~STATE_MASK) | STATE_ASSURED) >>> 0);
}
