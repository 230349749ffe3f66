// SPDX-License-Identifier: MIT OR GPL-2.0-only
/** What a program needs beyond its stack, per CPU. */
import { bytes, type Infer, perCpuArrayMap, struct, u32 } from "../../bpf/index.ts";
import { Address, NextHop } from "./address.ts";
import { ServerKey } from "./servers.ts";

/** What a program needs beyond its stack, per CPU. Runtime. */
export const Scratch = struct("Scratch", {
  /** The ICMP errors sent in tick `answersAt`. */
  answersAt: u32,
  answers: u32,
  /** The next hop of a packet that belongs to no connection. */
  hop: NextHop,
  /** IPv6: the addresses of the flow that is being looked for. */
  source: Address,
  destination: Address,
  /** `Connection.control` of the connection about to be made. */
  control: u32,
  /** The server's port of the data connection about to be made; 0: it is an ordinary one. */
  dataPort: u32,
  /** The slot of the connection that waits and is to become that one. */
  expected: u32,
  /** 1 + the slot of the control connection whose packet, in hand, has been read (ftp/payload.ts). */
  read: u32,
  /** 1 + the slot of the connection that was made last, until its first packet has passed. */
  admitted: u32,
  /** Packets that would open connections, counted while some of them are dropped. */
  opening: u32,
  /** What admission decided about the packet in hand, if that was not a connection; 0 otherwise. */
  decision: u32,
  /** Whose packet `decision` is about: the source word, by exclusive or with the ports. */
  decided: u32,
  /** 1 + the slot of the connection that an ICMP error has just opened. */
  begun: u32,
  /** The ICMP error that the packet in hand is to be answered with: type × 256 + code (0: none), MTU, and IPv4 address that it comes from. */
  answer: u32,
  answerMtu: u32,
  answerFrom: u32,
  /** What is to be sent (fragment/send.ts): place, length, connection and destination. */
  place: u32,
  length: u32,
  connection: u32,
  slot: u32,
  /** A key that is looked up in `servers`. */
  server: ServerKey,
  /** The program that a packet goes on to behind the rules; NO_PROGRAM: to none. */
  next: u32,
  /** Where rules may drop: the connection and direction that they are asked about, as in ruleVerdicts; 0: none. */
  askedFor: u32,
  askedWay: u32,
  /** The generation of the rules that let the packet in hand pass to admission. */
  passed: u32,
});
export type Scratch = Infer<typeof Scratch>;
export const scratch = perCpuArrayMap("scratch", { value: Scratch, entries: 1 });

/** What is read from a packet at once where all of it is summed up. */
export const WINDOW = 512;
export const Window = struct("Window", { bytes: bytes(WINDOW) });
export type Window = Infer<typeof Window>;
export const window = perCpuArrayMap("window", { value: Window, entries: 1 });

/** What a packet is cut into, where that is done here: bytes of a piece at most, and pieces. */
export const PIECE = 1536;
export const PIECES = 48;
export const Piece = struct("Piece", { bytes: bytes(PIECE) });
export type Piece = Infer<typeof Piece>;
/** Per CPU: the pieces of the packet in hand, but the first. */
export const pieces = perCpuArrayMap("pieces", { value: Piece, entries: PIECES });
