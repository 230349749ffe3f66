/** The program of a real server's tunnel end, and what its map of addresses holds. */
import { decode, encode } from "../../bpf/index.ts";
import type { CompiledProgram } from "../../bpf/program.ts";
import {
  Decapsulated,
  decapsulatedAddresses,
  TUNNEL_GRE,
  TUNNEL_GUE,
  TUNNEL_IP_IN_IP,
} from "../../kernel/decapsulate/index.ts";
import { formatIp, ip } from "../../net/index.ts";
import { type CompileRequest, compiledPrograms } from "../director/compiled-programs.ts";
import { sourceHash } from "../director/sources.ts";
import { TUNNEL_TYPES, type TunnelSettings, type TunnelType } from "./model.ts";

/** What `tc filter show` calls it, where there are no tcx links. */
export const FILTER_NAME = "lvs_decapsulate";

const BITS: Readonly<Record<TunnelType, number>> = {
  ipip: TUNNEL_IP_IN_IP,
  gue: TUNNEL_GUE,
  gre: TUNNEL_GRE,
};

/** One program for all settings, which are in its map: the build compiles it. Its name tells of which source it is. */
export function decapsulationRequest(): CompileRequest {
  const name = `lvs_dec_${sourceHash().slice(0, 7)}`;
  return { module: "decapsulate/decapsulate", entry: "decapsulate", options: {}, name };
}

/** The program, from the build or the cache if it is there. Throws IpvsError EIO if it does not compile. */
export function compiledDecapsulation(cacheDirectory: string): CompiledProgram {
  return compiledPrograms([decapsulationRequest()], cacheDirectory)[0]!;
}

/** An address as the program knows it: four words, IPv4 in the first. Throws RangeError for text that is no address. */
export function decapsulatedKey(address: string): Uint8Array {
  const key = new Uint8Array(decapsulatedAddresses.key.size);
  key.set(ip(address));
  return key;
}

/** The address of a key. An IPv6 address with nothing behind its first word cannot be a host's. */
export function decapsulatedAddress(key: Uint8Array): string {
  const isVersion4 = key.subarray(4).every((byte) => byte === 0);
  return formatIp(isVersion4 ? key.slice(0, 4) : key.slice());
}

export function decapsulatedValue({ types, guePort }: TunnelSettings): Uint8Array {
  const tunnels = types.reduce((bits, type) => bits | BITS[type], 0);
  return encode(Decapsulated, { tunnels, guePort });
}

export function decapsulatedSettings(value: Uint8Array): TunnelSettings {
  const { tunnels, guePort } = decode(Decapsulated, value);
  return { types: TUNNEL_TYPES.filter((type) => (tunnels & BITS[type]) !== 0), guePort };
}

/** How many packets came, as a value of the map says. */
export function decapsulatedPackets(value: Uint8Array): number {
  return Number(decode(Decapsulated, value).packets);
}
