// SPDX-License-Identifier: MIT OR GPL-2.0-only
/** What is found out about a packet in a tunnel before anything of it is changed. Offsets count from the Ethernet header. */
import { bytes, type Infer, struct, u32 } from "../../bpf/index.ts";

export const Tunnel = struct("Tunnel", {
  /** 4 or 6: the outer header's version, and that of the packet inside. */
  outer: u32,
  inner: u32,
  /** One of the TUNNEL_ bits, and of GUE the UDP port that it came by. */
  kind: u32,
  port: u32,
  /** Where the packet inside begins, and where what the tunnel carries ends. */
  start: u32,
  end: u32,
  /** The outer header's explicit congestion notification: its two bits. */
  congestion: u32,
  /** 1 if the tunnel's header has a checksum of its own. */
  checksummed: u32,
  /** Where the UDP header is; 0: there is none. */
  datagram: u32,
  /**
   * Remote checksum offload: where the bytes begin that are to be summed, and where the sum is to be written. 0: nothing is left
   * to do for us.
   */
  sumStart: u32,
  sumField: u32,
});
export type Tunnel = Infer<typeof Tunnel>;

/** The furthest that a packet inside may begin: Ethernet, IPv4 with options, UDP, GUE with what we know of. */
export const FURTHEST_START = 14 + 60 + 8 + 12;
/** What must be directly accessible: also the header of the packet inside. */
export const ACCESSIBLE = FURTHEST_START + 40;
export const Accessible = struct("Accessible", { bytes: bytes(ACCESSIBLE) });

export const PROTOCOL_IPV4_IN_IP = 4;
export const PROTOCOL_UDP = 17;
export const PROTOCOL_IPV6_IN_IP = 41;
export const PROTOCOL_GRE = 47;
