/** The connection table as people see it. */
import {
  KIND_PROTOCOL,
  PROTOCOL_TCP,
  PROTOCOL_UDP,
  STATE_MASK,
  STATE_NAMES,
  TICK_SHIFT,
} from "../kernel/tables.ts";
import { addressText } from "./configuration/identity.ts";
import { wholeSeconds } from "./configuration/timeouts.ts";
import type { DirectorMemory } from "./memory/director-memory.ts";
import type { ConnectionEntry, Endpoint } from "./model.ts";

/** Bit of `Connection.state`: the entry is being removed. */
const REMOVED = 1 << 9;

/** The entries, in the order of their slots, each as it is when it is reached. */
export function* readConnections(memory: DirectorMemory): Iterable<ConnectionEntry> {
  const { connections, plane } = memory;
  for (let row = 0; row < connections.capacity; row++) {
    if (connections.due.get(row) === 0) continue;
    const state = connections.state.get(row);
    if ((state & REMOVED) !== 0) continue;
    const now = Number(BigInt.asUintN(32, plane.monotonicTime() >> TICK_SHIFT));
    const left = (connections.expires.get(row) - now) | 0;
    const source = endpoint(connections.client.get(row), connections.clientPort.get(row));
    const entry: ConnectionEntry = {
      template: false,
      protocol: protocolName(connections.protocol.get(row) & KIND_PROTOCOL),
      state: STATE_NAMES[state & STATE_MASK] ?? "UNKNOWN",
      expires: wholeSeconds(Math.max(left, 0)),
      timeout: 0,
      service: null,
      method: "masquerade",
      source,
      local: source,
      virtual: endpoint(connections.virtual.get(row), connections.virtualPort.get(row)),
      destination: endpoint(connections.server.get(row), connections.serverPort.get(row)),
      engine: null,
    };
    // A slot that was freed meanwhile may have been read half.
    if (connections.due.get(row) !== 0) yield entry;
  }
}

function endpoint(address: number, port: number): Endpoint {
  return { family: 4, address: addressText(address), port };
}

function protocolName(protocol: number): string {
  switch (protocol) {
    case PROTOCOL_TCP:
      return "TCP";
    case PROTOCOL_UDP:
      return "UDP";
    default:
      return `${protocol}`;
  }
}
