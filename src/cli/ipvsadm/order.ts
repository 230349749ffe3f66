import type { DestinationStatus, Endpoint, ServiceKey, ServiceStatus } from "../../ipvs/model.ts";
import { ip } from "../../net/index.ts";

/**
 * The order of listings. Addresses compare by the signed 32-bit difference of their words, so the order of three
 * addresses that are far apart is not the numerical one and depends on the order before; sorting is therefore done
 * by the same merge sort as in the C library that ipvsadm uses.
 */

/** What of an endpoint counts in comparisons. */
interface SortKey {
  /** 32-bit words in host order; of IPv4 addresses only the first is not 0. */
  readonly words: readonly number[];
  readonly port: number;
}

const PROTOCOL_NUMBERS = { tcp: 6, udp: 17, sctp: 132 } as const;

/**
 * Services by mark (none first, marks as signed numbers), IPv4 before IPv6, protocol, address, port. What the kernel
 * lists is what is sorted there: services by address, then those by mark; it shows for the mark 2³¹, which is less than
 * none and none less than it.
 */
export function sortServices(services: readonly ServiceStatus[]): ServiceStatus[] {
  const listed = (["address", "mark"] as const).flatMap((kind) =>
    services.filter(({ service }) => service.key.kind === kind),
  );
  const keyed = listed.map((status) => ({ status, ...serviceSortKey(status.service.key) }));
  return mergeSort(
    keyed,
    (a, b) =>
      difference(a.mark, b.mark) ||
      a.family - b.family ||
      a.protocol - b.protocol ||
      compareEndpoints(a.endpoint, b.endpoint),
  ).map(({ status }) => status);
}

/** Servers by address, whatever its family, then port. */
export function sortDestinations(destinations: readonly DestinationStatus[]): readonly DestinationStatus[] {
  if (destinations.length < 2) return destinations;
  const keyed = destinations.map((status) => ({ status, key: endpointSortKey(status.destination) }));
  return mergeSort(keyed, (a, b) => compareEndpoints(a.key, b.key)).map(({ status }) => status);
}

function serviceSortKey(key: ServiceKey): {
  mark: number;
  family: number;
  protocol: number;
  endpoint: SortKey;
} {
  return key.kind === "mark"
    ? { mark: key.mark, family: key.family, protocol: 0, endpoint: { words: [0, 0, 0, 0], port: 0 } }
    : {
        mark: 0,
        family: key.family,
        protocol: PROTOCOL_NUMBERS[key.protocol],
        endpoint: endpointSortKey(key),
      };
}

function endpointSortKey({ address, port }: Endpoint): SortKey {
  const bytes = ip(address);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const words = [0, 4, 8, 12].map((offset) => (offset < bytes.length ? view.getUint32(offset) : 0));
  return { words, port };
}

function compareEndpoints(a: SortKey, b: SortKey): number {
  for (const [index, word] of a.words.entries()) {
    const order = difference(word, b.words[index]!);
    if (order !== 0) return order;
  }
  return a.port - b.port;
}

/** a − b in signed 32-bit arithmetic. */
function difference(a: number, b: number): number {
  return (a - b) | 0;
}

/** Top-down merge sort: the first half has ⌊n/2⌋ elements, equals keep their order. */
function mergeSort<T>(items: readonly T[], compare: (a: T, b: T) => number): T[] {
  if (items.length < 2) return [...items];
  const middle = items.length >> 1;
  const first = mergeSort(items.slice(0, middle), compare);
  const second = mergeSort(items.slice(middle), compare);
  const merged: T[] = [];
  let i = 0;
  let j = 0;
  while (i < first.length && j < second.length) {
    merged.push(compare(first[i]!, second[j]!) <= 0 ? first[i++]! : second[j++]!);
  }
  return merged.concat(first.slice(i), second.slice(j));
}
