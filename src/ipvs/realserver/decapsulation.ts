/**
 * Tunnel ends of a real server without tunnel devices: the program of `src/kernel/decapsulate` at an interface. For servers
 * and labs on kernels that lack ipip, sit, ip6_tunnel, ip_gre or fou.
 *
 * The server must own the virtual addresses and must not check where packets come from (`rp_filter` 0 or 2), as with devices.
 */
import { compile } from "../../bpf/compiler/index.ts";
import {
  type Attachment,
  attachClsact,
  attachTcx,
  createMap,
  feature,
  type LoadedMap,
  type LoadedProgram,
  loadProgram,
} from "../../bpf/loader/index.ts";
import type { CompiledProgram } from "../../bpf/program.ts";
import { Decapsulated, decapsulatedAddresses } from "../../kernel/decapsulate/index.ts";
import { inNetworkNamespace, linkIndex, withRouteSocket } from "../../linux/index.ts";
import { ip } from "../../net/index.ts";

const FILTER_NAME = "lvs_decapsulate";

export interface DecapsulationOptions {
  /** The UDP port that GUE comes by. Default: none, GUE is not taken out. */
  readonly guePort?: number;
  /** The network namespace of the interface, by name. Default: that of the calling thread. */
  readonly namespace?: string;
}

/** A tunnel end. It lasts until `detach`, or until the process ends (before Linux 6.6: until the interface goes). */
export class Decapsulation {
  readonly #program: LoadedProgram;
  readonly #maps: ReadonlyMap<string, LoadedMap>;
  readonly #attachment: Attachment & { close?(): void };
  readonly #inNamespace: <T>(work: () => T) => T;

  /** Use attachDecapsulation. */
  constructor(
    program: LoadedProgram,
    maps: ReadonlyMap<string, LoadedMap>,
    attachment: Attachment & { close?(): void },
    inNamespace: <T>(work: () => T) => T,
  ) {
    this.#program = program;
    this.#maps = maps;
    this.#attachment = attachment;
    this.#inNamespace = inNamespace;
  }

  /** Takes packets to this address out of tunnels from now on. Throws RangeError for text that is no address. */
  add(address: string): void {
    this.#addresses.update(keyOf(address), new Uint8Array(Decapsulated.size));
  }

  /** Leaves packets to this address alone; whether they were taken out before. */
  remove(address: string): boolean {
    return this.#addresses.delete(keyOf(address));
  }

  /** How many packets came to an address through tunnels; 0 for one that was never added. */
  packets(address: string): number {
    const value = this.#addresses.lookup(keyOf(address));
    return value === null ? 0 : Number(new DataView(value.buffer).getBigUint64(0, true));
  }

  /** Ends it. Idempotent. */
  detach(): void {
    this.#inNamespace(() => this.#attachment.detach());
    this.#attachment.close?.();
    this.#program.close();
    for (const map of this.#maps.values()) map.close();
  }

  get #addresses(): LoadedMap {
    return this.#maps.get(decapsulatedAddresses.name)!;
  }
}

/**
 * Takes packets to these addresses out of the tunnels that come in by an interface: IP in IP, GRE, and GUE if it has a port.
 * Compiles the program (about a second). Throws SystemError (ENODEV: no such interface; EPERM) and RangeError (addresses).
 */
export async function attachDecapsulation(
  interfaceName: string,
  addresses: readonly string[],
  options: DecapsulationOptions = {},
): Promise<Decapsulation> {
  const { guePort = 0, namespace } = options;
  for (const address of addresses) keyOf(address);
  const program = await compileDecapsulation(guePort);
  const inNamespace = <T>(work: () => T): T =>
    namespace === undefined ? work() : inNetworkNamespace(namespace, work);
  const decapsulation = inNamespace(() => attachProgram(program, interfaceName, inNamespace));
  for (const address of addresses) decapsulation.add(address);
  return decapsulation;
}

function compileDecapsulation(guePort: number): Promise<CompiledProgram> {
  return compile({
    entry: {
      module: new URL("../../kernel/decapsulate/decapsulate.js", import.meta.url).href,
      name: "decapsulate",
    },
    options: { guePort },
    name: FILTER_NAME,
    type: "schedCls",
    license: "Dual MIT/GPL",
  });
}

function attachProgram(
  compiled: CompiledProgram,
  interfaceName: string,
  inNamespace: <T>(work: () => T) => T,
): Decapsulation {
  const index = withRouteSocket((socket) => linkIndex(socket, interfaceName));
  const maps = new Map(compiled.maps.map((map) => [map.name, createMap(map)]));
  try {
    const program = loadProgram(compiled, maps);
    try {
      const attachment = feature("tcxLinks").available
        ? attachTcx(program, index)
        : attachClsact(program, index, { name: FILTER_NAME });
      return new Decapsulation(program, maps, attachment, inNamespace);
    } catch (error) {
      program.close();
      throw error;
    }
  } catch (error) {
    for (const map of maps.values()) map.close();
    throw error;
  }
}

/** An address as the program knows it: four words, IPv4 in the first. */
function keyOf(address: string): Uint8Array {
  const key = new Uint8Array(decapsulatedAddresses.key.size);
  key.set(ip(address));
  return key;
}
