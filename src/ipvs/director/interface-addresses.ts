/** Which addresses the director itself has on each interface: what it sends for itself comes from there. */
import { decode, encode } from "../../bpf/index.ts";
import type { LoadedMap } from "../../bpf/loader/index.ts";
import { hostAddresses, InterfaceAddresses, interfaceAddresses } from "../../kernel/tables.ts";
import { type InterfaceAddress, listAddresses, RT_SCOPE, withRouteSocket } from "../../linux/index.ts";
import { formatIp } from "../../net/index.ts";
import type { PinnedTables } from "./pinned-tables.ts";

/** IFA_F_*: another address of a network that the interface has one of; duplicate found; not for new flows; not known to be free yet. */
const SECONDARY = 0x01;
const DUPLICATE = 0x08;
const DEPRECATED = 0x20;
const TENTATIVE = 0x40;
const UNSURE = DUPLICATE | TENTATIVE;

const PRESENT = Uint8Array.of(1, 0, 0, 0);

/** Brings the maps up to date with the addresses that the namespace's interfaces have now. */
export function refreshInterfaceAddresses(tables: PinnedTables): void {
  const addresses = withRouteSocket((socket) => listAddresses(socket));
  refreshChosen(tables.map(interfaceAddresses), chooseAddresses(addresses));
  refreshHost(tables.map(hostAddresses), addresses);
}

function refreshChosen(map: LoadedMap, wanted: Map<number, Uint8Array>): void {
  const present = map.readAll();
  const view = new DataView(present.keys.buffer, present.keys.byteOffset);
  for (let index = 0; index < present.count; index++) {
    const key = view.getUint32(4 * index, true);
    const value = wanted.get(key);
    if (value === undefined) map.delete(keyOf(key));
    else if (textAt(present.values, index * map.valueSize) === text(value)) wanted.delete(key);
  }
  const room = map.capacity - present.count;
  for (const [index, value] of [...wanted].slice(0, room)) map.update(keyOf(index), value);
}

/** All those of IPv6 that are known beyond one link; a key is an address as packets have it. */
function refreshHost(map: LoadedMap, addresses: readonly InterfaceAddress[]): void {
  const wanted = new Map(
    addresses
      .filter(
        ({ prefix, scope, flags }) => isWide(scope) && prefix.address.length === 16 && (flags & UNSURE) === 0,
      )
      .map(({ prefix }) => [formatIp(prefix.address), prefix.address] as const),
  );
  let count = 0;
  for (const key of [...map.keys()]) {
    if (wanted.delete(formatIp(key))) count++;
    else map.delete(key);
  }
  for (const address of [...wanted.values()].slice(0, map.capacity - count)) map.update(address, PRESENT);
}

/**
 * For each interface (by index) the address of each family that fits best. Virtual addresses are mostly added last, or as
 * networks of one address, so others are preferred.
 */
export function chooseAddresses(addresses: readonly InterfaceAddress[]): Map<number, Uint8Array> {
  const best = new Map<number, { 4?: InterfaceAddress; 6?: InterfaceAddress }>();
  for (const each of addresses) {
    if ((each.flags & UNSURE) !== 0) continue;
    const family = each.prefix.address.length === 4 ? 4 : 6;
    const found = best.get(each.index) ?? {};
    best.set(each.index, found);
    const rival = found[family];
    if (rival === undefined || rank(each) < rank(rival)) found[family] = each;
  }
  return new Map([...best].map(([index, found]) => [index, encodeAddresses(found[4], found[6])]));
}

function isWide(scope: number): boolean {
  return scope === RT_SCOPE.UNIVERSE || scope === RT_SCOPE.SITE;
}

/** Less is better. */
function rank({ prefix, scope, flags }: InterfaceAddress): number {
  const isHostOnly = prefix.length === 8 * prefix.address.length;
  return (
    (isWide(scope) ? 0 : 8) +
    ((flags & DEPRECATED) !== 0 ? 4 : 0) +
    (isHostOnly ? 2 : 0) +
    ((flags & SECONDARY) !== 0 && prefix.address.length === 4 ? 1 : 0)
  );
}

function encodeAddresses(ipv4: InterfaceAddress | undefined, ipv6: InterfaceAddress | undefined): Uint8Array {
  const words = (address: Uint8Array | undefined): number[] => {
    const view = new DataView(address?.slice().buffer ?? new ArrayBuffer(0));
    return Array.from({ length: view.byteLength / 4 }, (_, index) => view.getUint32(4 * index));
  };
  return encode(InterfaceAddresses, {
    ipv4: words(ipv4?.prefix.address)[0] ?? 0,
    ipv6: { words: words(ipv6?.prefix.address) },
  });
}

function keyOf(index: number): Uint8Array {
  return new Uint8Array(Uint32Array.of(index).buffer);
}

function textAt(bytes: Uint8Array, offset: number): string {
  return JSON.stringify(decode(InterfaceAddresses, bytes, offset));
}

function text(value: Uint8Array): string {
  return textAt(value, 0);
}
