// SPDX-License-Identifier: MIT OR GPL-2.0-only
/** What the datapath counts about itself. */
import { type Infer, perCpuArrayMap, struct, u64 } from "../../bpf/index.ts";

/** What the datapath counts about itself, per CPU. Runtime. */
export const Events = struct("Events", {
  /** Connections created; that ended; packets forwarded without state because the connection table was, or had just been, full. */
  created: u64,
  expired: u64,
  stateless: u64,
  /** New flows refused because no server of their service was usable. */
  refused: u64,
  /** Packets of connections whose server was removed. */
  orphaned: u64,
  /** Packets whose lengths contradict each other; the kernel's stack gets them as they are. */
  malformed: u64,
  /** ICMP errors sent, and those not sent because there were too many. */
  answered: u64,
  unanswered: u64,
  /** Fragments that came before the first of their datagram and were kept for it; those for which there was no room. */
  held: u64,
  unheld: u64,
});
export type Events = Infer<typeof Events>;
export const events = perCpuArrayMap("events", { value: Events, entries: 1 });
