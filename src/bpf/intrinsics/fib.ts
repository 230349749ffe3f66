import { u8, u16, u16be, u32, u32be } from "../schema/scalars.ts";
import { array, bytes, struct } from "../schema/struct.ts";
import type { Infer } from "../schema/types.ts";

/**
 * What `fibLookup` is asked and answers, laid out as `struct bpf_fib_lookup` (64 bytes, include/uapi/linux/bpf.h).
 * IPv4 addresses are the first word of `source` and `destination`.
 *
 * ```
 *  0 family   1 protocol   2 sourcePort   4 destinationPort   6 totalLength (in) / mtu (out)   8 ifindex
 * 12 flowinfo (in, IPv6) / TOS (in, IPv4, one byte) / metric (out)
 * 16 source   32 destination (in) / next hop (out)   48 vlanProtocol   50 vlanTag   52 sourceMac   58 destinationMac
 * ```
 */
export const FibLookup = struct("FibLookup", {
  /** FAMILY_IPV4 or FAMILY_IPV6. Of the answer: the family of the next hop. */
  family: u8,
  /** IPPROTO_TCP and so on. */
  protocol: u8,
  sourcePort: u16be,
  destinationPort: u16be,
  /** In: the packet's length for an MTU check, 0 for none. Out: the MTU of the route. */
  totalLength: u16,
  /** In: the interface the packet came in by. Out: the one it goes out by. */
  ifindex: u32,
  /** In, IPv6: the flow label and class (big-endian); in, IPv4: the first byte is TOS. Out: the metric, in host order. */
  flow: u32be,
  source: array(u32be, 4),
  destination: array(u32be, 4),
  vlanProtocol: u16be,
  vlanTag: u16be,
  sourceMac: bytes(6),
  destinationMac: bytes(6),
});
export type FibLookup = Infer<typeof FibLookup>;

/** Values of `family`: AF_INET and AF_INET6. */
export const FAMILY_IPV4 = 2;
export const FAMILY_IPV6 = 10;

/** Return codes of `fibLookup` (below 0: a negative errno). */
export const FIB_SUCCESS = 0;
export const FIB_BLACKHOLE = 1;
export const FIB_UNREACHABLE = 2;
export const FIB_PROHIBIT = 3;
/** The packet is for this host or is not forwarded. */
export const FIB_NOT_FORWARDED = 4;
export const FIB_FORWARDING_DISABLED = 5;
export const FIB_UNSUPPORTED_LIGHTWEIGHT_TUNNEL = 6;
/** The route is known (ifindex is set), the neighbour's hardware address is not. */
export const FIB_NO_NEIGHBOUR = 7;
export const FIB_FRAGMENTATION_NEEDED = 8;
export const FIB_NO_SOURCE_ADDRESS = 9;

/** Flags of `fibLookup`. DIRECT: skip the policy rules. OUTPUT: as for a packet this host sends. */
export const FIB_DIRECT = 1;
export const FIB_OUTPUT = 2;
/** Linux ≥ 6.3: do not look for the neighbour. */
export const FIB_SKIP_NEIGHBOUR = 4;
/** Linux ≥ 6.6: look in the table whose id is in the word of the vlan fields. */
export const FIB_TABLE_ID = 8;
/** Linux ≥ 6.7: choose the source address. */
export const FIB_SOURCE = 16;
/** Linux ≥ 6.10: the word of the MAC fields holds a firewall mark for the policy rules. */
export const FIB_MARK = 32;
