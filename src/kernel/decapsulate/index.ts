// SPDX-License-Identifier: MIT OR GPL-2.0-only
/** A real server's end of tunnels: one program, `decapsulate`, and the addresses that it is for. */
export { decapsulate } from "./decapsulate.ts";
export {
  AddressWords,
  Decapsulated,
  decapsulatedAddresses,
  sumRoom,
  TUNNEL_GRE,
  TUNNEL_GUE,
  TUNNEL_IP_IN_IP,
} from "./tables.ts";
