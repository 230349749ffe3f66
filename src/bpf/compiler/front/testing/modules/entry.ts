import { type Packet, TC_OK, type u32 } from "../../../../index.ts";
import { area, LIMITS, most, PRIMES } from "./index.ts";
import * as all from "./shapes.ts";

export function entry(packet: Packet): u32 {
  if (packet.length > all.LIMITS.sides) return TC_OK;
  return (area(most.value) + PRIMES[1]! + LIMITS.sides) >>> 0;
}
