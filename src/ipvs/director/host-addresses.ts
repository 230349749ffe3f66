/** What the network namespace knows of addresses: asked of the kernel's routing tables when first wanted. */
import { listRoutes, lookUpRoute, RT_TABLE, RTN, SystemError, withRouteSocket } from "../../linux/index.ts";
import {
  type AddressNumber,
  bytesOfNumber,
  isLinkLocal,
  isLoopbackAddress,
  isUnicastByItself,
  numberOfBytes,
  prefixMask,
} from "../configuration/address.ts";

/** A network of addresses that are all the host's own. */
interface Network {
  readonly address: AddressNumber;
  readonly mask: AddressNumber;
}

/** As of a moment: see {@link forget}. */
export class HostAddresses {
  #own: ReadonlySet<AddressNumber> | undefined;
  #networks: readonly Network[] = [];
  #broadcasts: ReadonlySet<AddressNumber> = new Set();
  readonly #sources: Map<AddressNumber, AddressNumber | null> = new Map();

  /** Lets the next question be answered anew. */
  forget(): void {
    this.#own = undefined;
    this.#sources.clear();
  }

  /** Whether this can be the address of a host: of IPv6 a link-local one can if it is our own. */
  isUnicast(address: AddressNumber): boolean {
    if (!isUnicastByItself(address)) return isLinkLocal(address) && this.isOwn(address);
    this.#read();
    return !this.#broadcasts.has(address);
  }

  isOwn(address: AddressNumber): boolean {
    if (isLoopbackAddress(address)) return true;
    return this.#read().has(address) || this.#networks.some((network) => isIn(address, network));
  }

  /** The host's own address towards another host; null if there is no way to it. */
  towards(address: AddressNumber): AddressNumber | null {
    let source = this.#sources.get(address);
    if (source === undefined) {
      source = lookUp(address);
      this.#sources.set(address, source);
    }
    return source;
  }

  /** The routing table "local" tells own addresses and broadcast ones. */
  #read(): ReadonlySet<AddressNumber> {
    if (this.#own !== undefined) return this.#own;
    const own = new Set<AddressNumber>();
    const networks: Network[] = [];
    const broadcasts = new Set<AddressNumber>();
    for (const { type, to } of withRouteSocket((socket) => listRoutes(socket, { table: RT_TABLE.LOCAL }))) {
      if (to === undefined) continue;
      const address = numberOfBytes(to.address);
      const isWhole = to.length === 8 * to.address.length;
      if (type === RTN.BROADCAST) broadcasts.add(address);
      else if (type === RTN.LOCAL && isWhole) own.add(address);
      else if (type === RTN.LOCAL) networks.push({ address, mask: maskOf(address, to.length) });
    }
    this.#own = own;
    this.#networks = networks;
    this.#broadcasts = broadcasts;
    return own;
  }
}

function maskOf(address: AddressNumber, length: number): AddressNumber {
  if (typeof address === "bigint") return prefixMask(length);
  return length === 0 ? 0 : (0xffff_ffff << (32 - length)) >>> 0;
}

function isIn(address: AddressNumber, network: Network): boolean {
  if (typeof address === "bigint") {
    return typeof network.address === "bigint" && (address & (network.mask as bigint)) === network.address;
  }
  return (
    typeof network.address === "number" && (address & (network.mask as number)) >>> 0 === network.address
  );
}

function lookUp(address: AddressNumber): AddressNumber | null {
  try {
    const { source } = withRouteSocket((socket) => lookUpRoute(socket, bytesOfNumber(address)));
    return source === undefined ? null : numberOfBytes(source);
  } catch (error) {
    // No route, or one that says no.
    if (error instanceof SystemError) return null;
    throw error;
  }
}
