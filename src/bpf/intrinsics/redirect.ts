import { intrinsic } from "../intrinsic.ts";
import type { Packet } from "../packet.ts";
import { u32, u32be } from "../schema/scalars.ts";
import { array, struct } from "../schema/struct.ts";
import type { Infer, s32 } from "../schema/types.ts";
import { machine } from "../simulator/current.ts";
import { simulated } from "../simulator/packet.ts";
import type { FibLookup } from "./fib.ts";
import { helper, nullable, packet, reference, size, value } from "./lower.ts";
import { TC_REDIRECT, TC_SHOT } from "./verdicts.ts";

const EINVAL = 22;

/** Flag of `redirect` and `cloneRedirect`: into the interface, as if the packet came in there; otherwise out of it. */
export const REDIRECT_INGRESS = 1;

/**
 * Sends the packet, as it is, out of (or into) another interface once the program returns what this returns: TC_REDIRECT,
 * or TC_SHOT for unknown flags.
 */
export const redirect = intrinsic(
  helper(23, "redirect", [value(0), value(1)], "u32"),
  (ifindex: u32, flags: u32): u32 => {
    if ((flags & ~REDIRECT_INGRESS) !== 0) return TC_SHOT;
    machine().redirect({ kind: "redirect", ifindex, flags });
    return TC_REDIRECT;
  },
);

/** A next hop for `redirectNeighbour`, laid out as `struct bpf_redir_neigh`: FAMILY_IPV4 or FAMILY_IPV6, and the address (IPv4: its first word). */
export const NeighbourHop = struct("NeighbourHop", { family: u32, address: array(u32be, 4) });
export type NeighbourHop = Infer<typeof NeighbourHop>;

/**
 * Sends the packet out of another interface, to `next`, or without it to the next hop that routing names for the packet's
 * destination: the kernel looks up (or resolves) the neighbour and fills in the Ethernet header. Takes place once the program
 * returns what this returns: TC_REDIRECT, or TC_SHOT if `flags` is not 0.
 */
export const redirectNeighbour = intrinsic(
  helper(152, "redirect_neigh", [value(0), nullable(2), size(2), value(1)], "u32"),
  (ifindex: u32, flags: u32, next?: NeighbourHop): u32 => {
    if (flags !== 0) return TC_SHOT;
    const hop =
      next === undefined
        ? {}
        : { next: { family: next.family, address: [0, 1, 2, 3].map((i) => next.address[i]!) } };
    machine().redirect({ kind: "redirectNeighbour", ifindex, flags, ...hop });
    return TC_REDIRECT;
  },
);

/**
 * Sends a copy of the packet, as it is now, out of (or, with REDIRECT_INGRESS, into) an interface, at once; this packet
 * goes on. Returns 0 or a negative errno: -22 (EINVAL: flags, no such interface), -12 (ENOMEM), what sending gave.
 */
export const cloneRedirect = intrinsic(
  helper(13, "clone_redirect", [packet(0), value(1), value(2)], "s32", { invalidatesPackets: true }),
  (target: Packet, ifindex: u32, flags: u32): s32 => {
    const original = simulated(target);
    original.revokeViews();
    if ((flags & ~REDIRECT_INGRESS) !== 0) return -EINVAL;
    original.clones.push({ ifindex, flags, packet: original.copy() });
    return 0;
  },
);

/**
 * Asks the routing table where a packet goes and for the hardware addresses of that hop; the answer is written into
 * `request`. Returns one of the FIB_ codes (0: all is known), or a negative errno (-22: EINVAL).
 */
export const fibLookup = intrinsic(
  helper(69, "fib_lookup", [packet(0), reference(1), size(1), value(2)], "s32"),
  (asking: Packet, request: FibLookup, flags: u32): number => machine().fibLookup(asking, request, flags),
);
