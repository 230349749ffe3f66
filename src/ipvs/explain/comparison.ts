/** Whether the kernel and the simulator came to the same end. */
import { TC_REDIRECT, TC_SHOT } from "../../bpf/index.ts";
import { ETHERNET_LENGTH } from "../../net/index.ts";
import type { ConnectionEntry } from "../model.ts";

/** A run's end. */
export interface End {
  readonly verdict: number;
  readonly frame: Uint8Array;
  /** The packet's connection afterwards. */
  readonly connection: ConnectionEntry | null;
  /** What was counted for its server: connections, packets and bytes in, packets and bytes out. */
  readonly counted: readonly number[];
}

const IPV4 = 0x08;
/** The next header of IPv6 that is a fragment header. */
const FRAGMENT = 44;

/** In words; empty: they agree. `hasOwnHeader`: an IP header of the director's own is around it, or it is an ICMP error. */
export function differences(kernel: End, simulator: End, hasOwnHeader: boolean): string[] {
  const found: string[] = [];
  if (kernel.verdict !== simulator.verdict) {
    found.push(`the kernel's verdict is ${kernel.verdict | 0}, the simulator's ${simulator.verdict | 0}`);
  }
  const isSent = kernel.verdict === TC_REDIRECT && hasOwnHeader;
  const [frame, other] = [kernel.frame, simulator.frame].map((each) => comparable(each, isSent));
  // What is left of a packet that is dropped is nobody's.
  const isDropped = kernel.verdict === TC_SHOT && simulator.verdict === TC_SHOT;
  if (frame !== other && !isDropped) found.push(`the kernel's frame is ${frame}, the simulator's ${other}`);
  const [entry, otherEntry] = [kernel.connection, simulator.connection].map(textOf);
  if (entry !== otherEntry) found.push(`the kernel's connection is ${entry}, the simulator's ${otherEntry}`);
  if (String(kernel.counted) !== String(simulator.counted)) {
    found.push(`the kernel counts ${kernel.counted}, the simulator ${simulator.counted}`);
  }
  return found;
}

/**
 * A frame as hexadecimal digits, without what a director makes up at random in a header of its own: the identification of IPv4 and
 * so the checksum, the flow label and a fragment header's identification of IPv6.
 */
export function comparable(frame: Uint8Array, hasOwnHeader: boolean): string {
  const bytes = Uint8Array.from(frame);
  if (hasOwnHeader && bytes[12] === IPV4) {
    bytes.fill(0, ETHERNET_LENGTH + 4, ETHERNET_LENGTH + 6);
    bytes.fill(0, ETHERNET_LENGTH + 10, ETHERNET_LENGTH + 12);
  } else if (hasOwnHeader) {
    bytes.fill(0, ETHERNET_LENGTH + 1, ETHERNET_LENGTH + 4);
    if (bytes[ETHERNET_LENGTH + 6] === FRAGMENT) bytes.fill(0, ETHERNET_LENGTH + 44, ETHERNET_LENGTH + 48);
  }
  return Buffer.from(bytes).toString("hex");
}

/** What is left of its time is a matter of the moment. */
function textOf(entry: ConnectionEntry | null): string {
  return JSON.stringify(entry === null ? null : { ...entry, expires: 0 });
}
