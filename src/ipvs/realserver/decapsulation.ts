/**
 * A tunnel end for as long as a process lives: the program of `src/kernel/decapsulate` at an interface. For tests and
 * measurements; that of `lvs realserver`, which stays, is in `tunnel-end.ts`.
 *
 * The server must own the virtual addresses and must not check where packets come from (`rp_filter` 0 or 2), as with devices.
 */
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
import { decapsulatedAddresses } from "../../kernel/decapsulate/index.ts";
import { inNetworkNamespace, linkIndex, withRouteSocket } from "../../linux/index.ts";
import { choosePlaces } from "../director/places.ts";
import {
  compiledDecapsulation,
  decapsulatedKey,
  decapsulatedPackets,
  decapsulatedValue,
  FILTER_NAME,
} from "./decapsulation-program.ts";
import { TUNNEL_TYPES } from "./model.ts";

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
  readonly #value: Uint8Array;

  /** Use attachDecapsulation. */
  constructor(
    program: LoadedProgram,
    maps: ReadonlyMap<string, LoadedMap>,
    attachment: Attachment & { close?(): void },
    inNamespace: <T>(work: () => T) => T,
    guePort: number,
  ) {
    this.#value = decapsulatedValue({
      types: TUNNEL_TYPES.filter((type) => type !== "gue" || guePort !== 0),
      guePort,
    });
    this.#program = program;
    this.#maps = maps;
    this.#attachment = attachment;
    this.#inNamespace = inNamespace;
  }

  /** Takes packets to this address out of tunnels from now on. Throws RangeError for text that is no address. */
  add(address: string): void {
    this.#addresses.update(decapsulatedKey(address), this.#value);
  }

  /** Leaves packets to this address alone; whether they were taken out before. */
  remove(address: string): boolean {
    return this.#addresses.delete(decapsulatedKey(address));
  }

  /** How many packets came to an address through tunnels; 0 for one that was never added. */
  packets(address: string): number {
    const value = this.#addresses.lookup(decapsulatedKey(address));
    return value === null ? 0 : decapsulatedPackets(value);
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
 * Throws SystemError (ENODEV: no such interface; EPERM) and RangeError (addresses).
 */
export function attachDecapsulation(
  interfaceName: string,
  addresses: readonly string[],
  options: DecapsulationOptions = {},
): Decapsulation {
  const { guePort = 0, namespace } = options;
  for (const address of addresses) decapsulatedKey(address);
  const program = compiledDecapsulation(choosePlaces().cacheDirectory);
  const inNamespace = <T>(work: () => T): T =>
    namespace === undefined ? work() : inNetworkNamespace(namespace, work);
  const decapsulation = inNamespace(() => attachProgram(program, interfaceName, inNamespace, guePort));
  for (const address of addresses) decapsulation.add(address);
  return decapsulation;
}

function attachProgram(
  compiled: CompiledProgram,
  interfaceName: string,
  inNamespace: <T>(work: () => T) => T,
  guePort: number,
): Decapsulation {
  const index = withRouteSocket((socket) => linkIndex(socket, interfaceName));
  const maps = new Map(compiled.maps.map((map) => [map.name, createMap(map)]));
  try {
    const program = loadProgram(compiled, maps);
    try {
      const attachment = feature("tcxLinks").available
        ? attachTcx(program, index)
        : attachClsact(program, index, { name: FILTER_NAME });
      return new Decapsulation(program, maps, attachment, inNamespace, guePort);
    } catch (error) {
      program.close();
      throw error;
    }
  } catch (error) {
    for (const map of maps.values()) map.close();
    throw error;
  }
}
