// SPDX-License-Identifier: MIT OR GPL-2.0-only
/**
 * Connections follow a template: as long as one does, the template stays, whatever its time. The template counts them.
 *
 * A template may go in the very moment in which a connection begins to follow it. Then the count that the connection takes
 * back later is another's, or nobody's: so only templates that count some are touched.
 */
import { atomicAdd, readOnce } from "../../bpf/index.ts";
import {
  type Connection,
  connectionTable,
  KIND_TEMPLATE,
  STATE_ASSURED,
  STATE_MASK,
  STATE_REMOVED,
  STATE_UNASSURED,
  scratch,
} from "../tables.ts";

/** −1 modulo 2³². */
const MINUS_ONE = 0xffffffff;

/** The template that a connection follows, or null. */
export function templateOf(connection: Connection): Connection | null {
  const control = connection.control;
  if (control === 0) return null;
  const template = connectionTable.lookup((control - 1) >>> 0);
  return template === null || (template.kind & KIND_TEMPLATE) === 0 ? null : template;
}

/** A new connection follows the template that `Scratch.control` names, if it names one. */
export function follow(connection: Connection): void {
  const mine = scratch.lookup(0);
  if (mine === null || mine.control === 0) return;
  connection.control = mine.control;
  mine.control = 0;
  const template = templateOf(connection);
  if (template === null) return;
  atomicAdd(template, "control", 1);
  if ((readOnce(template, "state") & STATE_REMOVED) === 0) return;
  atomicAdd(template, "control", MINUS_ONE);
  connection.control = 0;
}

/** A connection that ends goes from its template. */
export function unfollow(connection: Connection): void {
  const template = templateOf(connection);
  if (template !== null && template.control !== 0) atomicAdd(template, "control", MINUS_ONE);
}

/** A connection was established, or answered: its template is right. */
export function assure(connection: Connection): void {
  const template = templateOf(connection);
  if (template === null) return;
  const word = readOnce(template, "state");
  // The state word of a template changes in no other way than by ending, and then it does not matter.
  if ((word & STATE_MASK) === STATE_UNASSURED) template.state = ((word & ~STATE_MASK) | STATE_ASSURED) >>> 0;
}
