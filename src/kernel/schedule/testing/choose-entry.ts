// SPDX-License-Identifier: MIT OR GPL-2.0-only
/** A program that does nothing but choose, for tests: what it is asked comes as a packet, the answer is its verdict. */
import { array, type Infer, type Packet, struct, u16be, type u32, u32be } from "../../../bpf/index.ts";
import { serviceTable } from "../../tables.ts";
import { choose } from "../choose.ts";

export const Question = struct("Question", {
  ethernet: array(u16be, 7),
  service: u16be,
  source: u32be,
  destination: u32be,
  port: u16be,
  reserved: u16be,
});
export type Question = Infer<typeof Question>;

/** The destination that the service's scheduler chooses. */
export function chooseForPacket(packet: Packet): u32 {
  const question = packet.header(Question, 0);
  if (question === null) return 0;
  const index = question.service;
  const source = question.source;
  const destination = question.destination;
  const port = question.port;
  const service = serviceTable.lookup(index);
  if (service === null) return 0;
  return choose(index, service.pool, source, destination, port);
}
