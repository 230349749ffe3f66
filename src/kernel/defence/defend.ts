// SPDX-License-Identifier: MIT OR GPL-2.0-only
/** IPVS's defences against floods of packets that open connections, as far as they work by the clock. */
import { DEFENCE_DROP_ENTRY, pressure } from "../tables.ts";
import { dropHalfOpen } from "./drop-entry.ts";
import { updateDefence } from "./level.ts";

/** Done in each tick. */
export function defend(): void {
  updateDefence();
  if ((pressure.at(0).defence & DEFENCE_DROP_ENTRY) !== 0) dropHalfOpen();
}
