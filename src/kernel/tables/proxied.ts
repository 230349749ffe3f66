// SPDX-License-Identifier: MIT OR GPL-2.0-only
/** How servers behind FullNAT are told the client's address. */
import { arrayMap, type Infer, struct, u16, u32 } from "../../bpf/index.ts";

/** Bits of `Proxied.told`: it is about a connection; how its server is told the client's address: TCP option, PROXY protocol. */
export const TOLD_KNOWN = 1;
export const TOLD_TOA = 2;
export const TOLD_PROXY = 4;
/** The server's first sequence number is known; the PROXY header has been sent; the server has acknowledged all of it. */
export const TOLD_ANSWERED = 8;
export const TOLD_SENT = 16;
export const TOLD_ACKNOWLEDGED = 32;

/**
 * How the server of a FullNAT connection is told its client's address, in the same slot as the connection. Runtime. It is of
 * that connection if the generation is that of the connection's state word.
 */
export const Proxied = struct("Proxied", {
  generation: u16,
  /** TOLD_*. */
  told: u16,
  /** The sequence numbers of the first byte that the client sends, and the server. */
  clientFirst: u32,
  serverFirst: u32,
});
export type Proxied = Infer<typeof Proxied>;
export const proxied = arrayMap("proxied", { value: Proxied, entries: 262144, mappable: true });
