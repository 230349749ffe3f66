/** The routes and neighbours of `TestNetwork` as its kernel answers `fibLookup`: for simulated directors beside it. */
import {
  FAMILY_IPV6,
  FIB_FRAGMENTATION_NEEDED,
  FIB_NO_NEIGHBOUR,
  FIB_NOT_FORWARDED,
  FIB_SUCCESS,
  type FibLookup,
} from "../../bpf/index.ts";
import {
  CLIENT_MAC,
  CLIENT_SIDE,
  CLIENT_SIDE_MAC,
  SERVER_MAC,
  SERVER_SIDE,
  SERVER_SIDE_MAC,
} from "./director.ts";

interface Way {
  readonly out: number;
  readonly isKnown: boolean;
}

const SERVERS = 30;

function way4(to: number): Way | undefined {
  if (to >>> 17 === 0xc612 >>> 1 || to === 0xa9fe0101) return { out: CLIENT_SIDE, isKnown: true };
  const host = to & 0xff;
  if (to >>> 8 !== 0x0a0000 || host === 0 || host >= 254) return undefined;
  return { out: SERVER_SIDE, isKnown: host <= SERVERS };
}

/** Addresses that are never forwarded to or from: multicast, link-local, loopback. */
function isConfined(words: readonly number[]): boolean {
  const [first = 0, second, third, fourth] = words;
  if (first >>> 24 === 0xff || first >>> 22 === 0xfe80 >>> 6) return true;
  return first === 0 && second === 0 && third === 0 && fourth === 1;
}

function way6(words: readonly number[]): Way | undefined {
  const [first, second = 0, third, fourth = 0] = words;
  if (first !== 0x20010db8) return undefined;
  if (second >>> 16 === 1) return { out: CLIENT_SIDE, isKnown: true };
  const isNear = third === 0;
  if (second === 0xc0000) {
    if (isNear && (fourth === 2 || fourth === 0)) return undefined;
    return { out: CLIENT_SIDE, isKnown: isNear && fourth === 1 };
  }
  if (second !== 0xa0000 || (isNear && (fourth === 0xfe || fourth === 0))) return undefined;
  const number = /^\d+$/.test(fourth.toString(16)) ? Number(fourth.toString(16)) : 0;
  return { out: SERVER_SIDE, isKnown: isNear && number >= 1 && number <= SERVERS };
}

/** Answers as the kernel of a `TestNetwork` with these MTUs, by side. */
export function networkRoutes(mtus: ReadonlyMap<number, number>): (request: FibLookup) => number {
  return (request) => {
    const words = (list: { readonly [i: number]: number }) => [0, 1, 2, 3].map((i) => list[i]!);
    const isIpv6 = request.family === FAMILY_IPV6;
    const to = words(request.destination);
    if (isIpv6 && (isConfined(to) || isConfined(words(request.source)))) return FIB_NOT_FORWARDED;
    const way = isIpv6 ? way6(to) : way4(to[0]!);
    if (way === undefined) return FIB_NOT_FORWARDED;
    const mtu = mtus.get(way.out)!;
    request.ifindex = way.out;
    if (request.totalLength > mtu) {
      request.totalLength = mtu;
      return FIB_FRAGMENTATION_NEEDED;
    }
    if (!way.isKnown) return FIB_NO_NEIGHBOUR;
    request.totalLength = mtu;
    const [from, neighbour] =
      way.out === CLIENT_SIDE ? [CLIENT_SIDE_MAC, CLIENT_MAC] : [SERVER_SIDE_MAC, SERVER_MAC];
    for (let i = 0; i < 6; i++) {
      request.sourceMac[i] = Math.floor(from / 2 ** (40 - 8 * i)) & 255;
      request.destinationMac[i] = Math.floor(neighbour / 2 ** (40 - 8 * i)) & 255;
    }
    return FIB_SUCCESS;
  };
}
