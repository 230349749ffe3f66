// SPDX-License-Identifier: MIT OR GPL-2.0-only
/** Whose the ports of real servers are. */
import { hashMap, type Infer, struct, u8, u16, u16be, u32 } from "../../bpf/index.ts";
import { Address } from "./address.ts";

/** An address and port of a real server. */
export const ServerKey = struct("ServerKey", { address: Address, port: u16be, protocol: u8, reserved: u8 });
export type ServerKey = Infer<typeof ServerKey>;

export const ServerEntry = struct("ServerEntry", {
  virtual: Address,
  port: u16be,
  reserved: u16,
  destination: u32,
});
export type ServerEntry = Infer<typeof ServerEntry>;
/** Which service a server's port belongs to: translates replies of flows without state. Configuration (secondary). */
export const servers = hashMap("servers", { key: ServerKey, value: ServerEntry, entries: 65536 });
