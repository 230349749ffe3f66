// SPDX-License-Identifier: MIT OR GPL-2.0-only
/** How rules of state machines are written down. Ordinary JavaScript. */

/** From these states to that one; of several that name a state, the first counts. States that no rule names stay. */
export type Rule = readonly [from: readonly number[], to: number];

/** The rules for each kind of packet. */
export type Rules<Packet extends string> = Readonly<Record<Packet, readonly Rule[]>>;

/** The state after a packet for which these rules hold. */
export function follow(rules: readonly Rule[], state: number): number {
  return rules.find(([from]) => from.includes(state))?.[1] ?? state;
}

/**
 * How the machines' tables are divided: rows for what the director sees, and of whom. Bit 0: the server's packets; bit 1:
 * connections of which it sees only the client's; bit 2 (TCP): secure_tcp.
 */
export const ROW_SERVER = 1;
export const ROW_INPUT_ONLY = 2;
export const ROW_SECURE = 4;
