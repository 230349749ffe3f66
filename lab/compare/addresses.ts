/**
 * Who is where in the network of a comparison. Both directors have the same addresses, link-layer ones included, each
 * in a namespace of its own; all hosts beyond them are played by hand-made packets.
 */
import { formatMac } from "../../src/net/index.ts";

/** The director's link-layer addresses, towards clients and towards servers. */
export const OUTSIDE_MAC = "02:00:00:00:01:fe";
export const INSIDE_MAC = "02:00:00:00:02:fe";
/** The router that all clients are behind. */
export const ROUTER_MAC = "02:00:00:00:01:01";

/** Virtual addresses, several so that hashing by destination has something to do. */
export const VIPS4: readonly string[] = Array.from({ length: 8 }, (_, i) => `172.16.0.${200 + i}`);
export const VIPS6: readonly string[] = Array.from({ length: 4 }, (_, i) => `fd00:1::${200 + i}`);
export const VIP = "172.16.0.200";
export const VIP6 = "fd00:1::200";

/** Client number `n`, 0 …, by family. */
export const client4 = (n: number): string => `10.9.${n >> 8}.${n & 255}`;
export const client6 = (n: number): string => `fd00:9:${(n >> 8).toString(16)}::${(n & 255).toString(16)}`;

/** Real servers 1 … 8. */
export const SERVERS: readonly number[] = [1, 2, 3, 4, 5, 6, 7, 8];
export const rip4 = (server: number): string => `192.168.0.${10 + server}`;
export const rip6 = (server: number): string => `fd00:2::${10 + server}`;
export const serverMac = (server: number): string => formatMac(Uint8Array.from([2, 0, 0, 0, 2, 10 + server]));

/** Director addresses of its two sides. */
export const DIRECTOR4 = { outside: "172.16.0.254", inside: "192.168.0.254" } as const;
export const DIRECTOR6 = { outside: "fd00:1::fe", inside: "fd00:2::fe" } as const;
