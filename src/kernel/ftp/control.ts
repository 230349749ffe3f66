// SPDX-License-Identifier: MIT OR GPL-2.0-only
/**
 * FTP control connections, and what lives with them. A data connection, and one that waits for its first packet, names its control
 * connection in `control`, as others name their template; as long as there are any, the control connection does not end by time.
 */
import { atomicAdd, atomicCompareExchange, readOnce, type u32 } from "../../bpf/index.ts";
import { countConnection } from "../count.ts";
import { NO_CONNECTION } from "../flow.ts";
import { slotOfControl } from "../persistence/control.ts";
import {
  type Connection,
  connectionTable,
  destinationTable,
  FORWARD_MASQ,
  ftpControls,
  KIND_FORWARD_SHIFT,
  KIND_PROTOCOL,
  PROTOCOL_TCP,
  STATE_ENDED,
  STATE_GENERATION_SHIFT,
  STATE_HELPED,
  STATE_REMOVED,
  scratch,
  serviceTable,
} from "../tables.ts";

/** The port of FTP's control connections. */
export const FTP_PORT = 21;

/** How often a count is changed when another CPU was first. */
const TRIES = 8;

/** Whether a connection is an FTP control connection whose data connections are followed. */
function isControl(connection: Connection): boolean {
  if (connection.virtualPort !== FTP_PORT || (connection.kind & KIND_PROTOCOL) !== PROTOCOL_TCP) return false;
  if (((connection.kind >>> KIND_FORWARD_SHIFT) & 7) !== FORWARD_MASQ) return false;
  const server = destinationTable.lookup(connection.destination);
  if (server === null || server.isLocal !== 0) return false;
  const service = serviceTable.lookup(server.service);
  return service !== null && service.key.port === FTP_PORT;
}

/**
 * A connection begins in that slot, and is filled in but for its state. Of a control connection the answer is STATE_HELPED, which its state
 * word is to have; of others 0. A data connection (`Scratch.dataPort`) goes to the port that the server waits at, or comes from. @separate
 */
export function beginFtp(slot: u32): u32 {
  const connection = connectionTable.lookup(slot);
  const control = ftpControls.lookup(slot);
  const mine = scratch.lookup(0);
  if (connection === null || control === null || mine === null) return 0;
  if (mine.dataPort !== 0) {
    connection.serverPort = mine.dataPort;
    return 0;
  }
  if (!isControl(connection)) return 0;
  control.current = 0;
  control.asked = 0;
  control.turn = 0;
  control.sent = 0;
  control.acknowledged = 0;
  control.followers = 0;
  control.expected = 0;
  return STATE_HELPED;
}

/** A new connection to that destination counts, but, as in IPVS, not if it is a data connection. @separate */
export function countUnlessData(destination: u32): u32 {
  const mine = scratch.lookup(0);
  if (mine !== null && mine.dataPort === 0) countConnection(destination);
  return 0;
}

/** The slot of the control connection that a connection lives with; NO_CONNECTION: it is none of those, or that is gone. */
export function controlSlotOf(connection: Connection): u32 {
  const control = connection.control;
  if (control === 0) return NO_CONNECTION;
  const slot = slotOfControl(control);
  const master = connectionTable.lookup(slot);
  if (master === null) return NO_CONNECTION;
  const state = readOnce(master, "state");
  if ((state & STATE_HELPED) === 0) return NO_CONNECTION;
  if (((state >>> STATE_GENERATION_SHIFT) & 0xff) !== control >>> 24) return NO_CONNECTION;
  return (state & (STATE_REMOVED | STATE_ENDED)) === 0 ? slot : NO_CONNECTION;
}

/** A connection lives with its control connection from now on. */
export function holdControl(connection: Connection): void {
  const control = ftpControls.lookup(controlSlotOf(connection));
  if (control !== null) atomicAdd(control, "followers", 1);
}

/** It does no more. */
export function releaseControl(connection: Connection): void {
  const control = ftpControls.lookup(controlSlotOf(connection));
  if (control === null) return;
  for (let i = 0; i < TRIES; i++) {
    const count = readOnce(control, "followers");
    if (count === 0) return;
    if (atomicCompareExchange(control, "followers", count, (count - 1) >>> 0) === count) return;
  }
}

/** Whether connections live with the one in that slot, so that it is not to end. */
export function isHeld(connection: Connection, slot: u32): boolean {
  if ((readOnce(connection, "state") & STATE_HELPED) === 0) return false;
  const control = ftpControls.lookup(slot);
  return control !== null && readOnce(control, "followers") !== 0;
}

/** Whether what is being made is a data connection. */
export function isExpected(): boolean {
  const mine = scratch.lookup(0);
  return mine !== null && mine.dataPort !== 0;
}

/** Whether the packet in hand, of the control connection in that slot, has been read: if so it is asked once. */
export function isRead(slot: u32): boolean {
  const mine = scratch.lookup(0);
  if (mine === null || mine.read !== slot + 1) return false;
  mine.read = 0;
  return true;
}
