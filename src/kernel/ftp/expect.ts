// SPDX-License-Identifier: MIT OR GPL-2.0-only
/**
 * Data connections that a control connection has announced. Each control connection has one at most that waits for its first packet:
 * a connection in state LISTEN. Of a passive one the client's port is not known yet, so it has port 0 in its place, and becomes
 * another connection when the client's SYN comes; of an active one everything is known.
 */
import { atomicExchange, make, readOnce, type u16, type u32 } from "../../bpf/index.ts";
import { NOT_OURS, setFlowKey } from "../admit.ts";
import { currentTick } from "../clock.ts";
import { REST, takeSlot } from "../connection/allocate.ts";
import { fill, firstWord } from "../connection/create.ts";
import { LOST } from "../connection/flows.ts";
import { retire } from "../connection/retire.ts";
import { countCreated } from "../events.ts";
import { connectionOf, findFlowByCall, hashOf, insertFlow, lookFor, NO_CONNECTION, wordOf } from "../flow.ts";
import { TCP_SYN } from "../headers.ts";
import { family } from "../options.ts";
import { controlOf, slotOfControl } from "../persistence/control.ts";
import { countIn, countOut } from "../state/activity.ts";
import { timeoutOf } from "../state/follow.ts";
import {
  type Connection,
  connectionTable,
  type Destination,
  destinationTable,
  due,
  FlowKey,
  FROM_CLIENT,
  type FtpControl,
  ftpControls,
  KIND_NO_OUTPUT,
  KIND_OF_FLOW,
  PROTOCOL_TCP,
  STATE_ENDED,
  STATE_ESTABLISHED,
  STATE_LISTEN,
  STATE_MASK,
  STATE_REMOVED,
  STATE_SYN_RECV,
  STATE_SYN_SENT,
  STATE_SYNACK,
  scratch,
  wide,
} from "../tables.ts";
import { controlSlotOf, holdControl, releaseControl } from "./control.ts";

/** Ports tried where the server's own is expected already, and the first after the last. */
const TRIES = 16;
const FIRST_PORT = 1024;
const LAST_PORT = 65535;

/** States of a data connection that is opening or open. */
const OPEN_STATES =
  (1 << STATE_ESTABLISHED) | (1 << STATE_SYN_SENT) | (1 << STATE_SYN_RECV) | (1 << STATE_SYNACK);

/** The key of the client's packets of a data connection; of IPv6 its addresses are looked for from now on. */
function setDataKey(control: Connection, index: u32, clientPort: u16, virtualPort: u16, key: FlowKey): void {
  key.source = control.client;
  key.destination = control.virtual;
  key.sourcePort = clientPort;
  key.destinationPort = virtualPort;
  key.kind = control.kind & KIND_OF_FLOW;
  if (family.value === 4) return;
  const addresses = wide.lookup(index);
  if (addresses !== null) lookFor(addresses.client, addresses.virtual);
}

/**
 * What a control connection announces is `next` (as `FtpControl.expected`; 0: nothing), and what it announced before is void, unless that
 * has been begun. The client and the server may announce at the same time, on two CPUs: each retires what it finds.
 */
function expect(control: FtpControl, next: u32): void {
  const before = atomicExchange(control, "expected", next);
  if (before === 0 || before === next) return;
  const slot = slotOfControl(before);
  const waiting = connectionTable.lookup(slot);
  if (waiting === null) return;
  const word = readOnce(waiting, "state");
  if (controlOf(slot, word) !== before || (word & STATE_MASK) !== STATE_LISTEN) return;
  retire(waiting, slot, word, currentTick());
}

/** Makes the passive connection that waits: the client's packets of the flow `key` go to `port`. False: there is no room. */
function wait(
  index: u32,
  master: Connection,
  control: FtpControl,
  key: FlowKey,
  server: Destination,
  port: u16,
): boolean {
  const now = currentTick();
  const expires = (now + timeoutOf(STATE_LISTEN)) >>> 0;
  const slot = takeSlot(expires);
  const waiting = connectionTable.lookup(slot);
  const place = due.lookup(slot);
  if (waiting === null || place === null) return false;
  fill(waiting, slot, key, server, master.destination);
  waiting.serverPort = port;
  waiting.kind = (waiting.kind | KIND_NO_OUTPUT) & 0xffff;
  waiting.expires = expires;
  waiting.control = controlOf(index, readOnce(master, "state"));
  const word = firstWord(waiting.state, STATE_LISTEN);
  waiting.state = word;
  countIn(server, word);
  holdControl(waiting);
  const hash = hashOf(key);
  if (!insertFlow(hash, wordOf(hash, slot, FROM_CLIENT))) {
    waiting.state = (word | STATE_REMOVED) >>> 0;
    place.tick = (now + REST) >>> 0;
    countOut(server, word);
    releaseControl(waiting);
    return false;
  }
  countCreated();
  expect(control, controlOf(slot, word));
  return true;
}

/**
 * The server of the control connection in slot `index` waits at `port`. Answers at which port of the virtual address the client's
 * connection is expected: the same, unless another server of the client's waits there; 0: at none. @separate
 */
export function expectPassive(index: u32, port: u16): u32 {
  const master = connectionTable.lookup(index);
  const control = ftpControls.lookup(index);
  if (master === null || control === null) return 0;
  const server = destinationTable.lookup(master.destination);
  if (server === null) return 0;
  expect(control, 0);
  const key = make(FlowKey);
  setDataKey(master, index, 0, port, key);
  let isFree = false;
  for (let i = 0; i < TRIES && !isFree; i++) {
    if (findFlowByCall(key, hashOf(key), 0) === 0) isFree = true;
    else key.destinationPort = key.destinationPort === LAST_PORT ? FIRST_PORT : key.destinationPort + 1;
  }
  return isFree && wait(index, master, control, key, server, port) ? key.destinationPort : 0;
}

/**
 * The client of the control connection in slot `index` waits at `port`: the server will connect from the port before its own. Answers
 * the destination whose connection is to be made next, until `endActive`; 0: none. @separate
 */
export function expectActive(index: u32, port: u16): u32 {
  const master = connectionTable.lookup(index);
  const control = ftpControls.lookup(index);
  const mine = scratch.lookup(0);
  if (master === null || control === null || mine === null) return 0;
  expect(control, 0);
  const key = make(FlowKey);
  setDataKey(master, index, port, (master.virtualPort - 1) & 0xffff, key);
  const known = findFlowByCall(key, hashOf(key), 0);
  if (known !== 0) {
    const slot = connectionOf(known);
    const before = connectionTable.lookup(slot);
    if (before === null) return 0;
    const word = readOnce(before, "state");
    if (((OPEN_STATES >>> (word & 15)) & 1) !== 0) return 0;
    retire(before, slot, word, currentTick());
  }
  mine.control = controlOf(index, readOnce(master, "state"));
  mine.dataPort = (master.serverPort - 1) & 0xffff;
  return master.destination;
}

/** The active connection of the control connection in slot `index` is that in slot `made`, or could not be made. @separate */
export function endActive(index: u32, made: u32): u32 {
  const control = ftpControls.lookup(index);
  const mine = scratch.lookup(0);
  if (control === null || mine === null) return 0;
  mine.control = 0;
  mine.dataPort = 0;
  const waiting = connectionTable.lookup(made);
  if (waiting !== null) expect(control, controlOf(made, readOnce(waiting, "state")));
  return 0;
}

/**
 * A client's packet that belongs to no connection: if a passive data connection is expected there, the destination's slot, else
 * NOT_OURS. What is made of the packet's flow next is that connection, until `endExpected`. Arguments as in admit.ts. @separate
 */
export function askExpected(source: u32, destination: u32, ports: u32, what: u16): u32 {
  if (what >>> 8 !== PROTOCOL_TCP || (what & TCP_SYN) === 0) return NOT_OURS;
  const mine = scratch.lookup(0);
  if (mine === null) return NOT_OURS;
  const key = make(FlowKey);
  setFlowKey(key, source, destination, ports & 0xffff, PROTOCOL_TCP);
  const word = findFlowByCall(key, hashOf(key), 0);
  if (word === 0) return NOT_OURS;
  const slot = connectionOf(word);
  const waiting = connectionTable.lookup(slot);
  if (waiting === null) return NOT_OURS;
  const state = readOnce(waiting, "state");
  if ((state & STATE_MASK) !== STATE_LISTEN || (state & (STATE_REMOVED | STATE_ENDED)) !== 0) return NOT_OURS;
  if (controlSlotOf(waiting) === NO_CONNECTION) return NOT_OURS;
  mine.control = waiting.control;
  mine.dataPort = waiting.serverPort;
  mine.expected = slot;
  return waiting.destination;
}

/** The expected connection is that in slot `made`, or could not be made. Answers the slot, or NOT_OURS. @separate */
export function endExpected(made: u32): u32 {
  const mine = scratch.lookup(0);
  if (mine === null) return NOT_OURS;
  mine.control = 0;
  mine.dataPort = 0;
  if (made >= LOST) return NOT_OURS;
  const waiting = connectionTable.lookup(mine.expected);
  if (waiting === null) return made;
  const state = readOnce(waiting, "state");
  if ((state & STATE_MASK) === STATE_LISTEN) retire(waiting, mine.expected, state, currentTick());
  return made;
}
