/** struct __sk_buff (include/uapi/linux/bpf.h), the part that a test run takes and gives back. */

/** A packet's data about data. Numbers are u32 unless said otherwise. */
export interface RunContext {
  readonly mark?: number;
  readonly priority?: number;
  /** The interface that the packet came in by, as the receiving path noted it. */
  readonly ingressIfindex?: number;
  /** The interface that the program runs at; it must exist in this network namespace. */
  readonly ifindex?: number;
  /** Five words for the program's own use. */
  readonly control?: readonly number[];
  /** Nanoseconds. */
  readonly timestamp?: bigint;
  /** The length on the wire of a packet whose segments are still together; 0: the packet's length. */
  readonly wireLength?: number;
  readonly gsoSegments?: number;
  readonly gsoSize?: number;
}

const SIZE = 192;
const CONTROL = 48;
const TIMESTAMP = 152;
const WORDS = {
  mark: 8,
  priority: 32,
  ingressIfindex: 36,
  ifindex: 40,
  wireLength: 160,
  gsoSegments: 164,
  gsoSize: 176,
} as const;
const NAMES = Object.keys(WORDS) as (keyof typeof WORDS)[];

export function encodeContext(context: RunContext): Uint8Array {
  const bytes = new Uint8Array(SIZE);
  const view = new DataView(bytes.buffer);
  for (const name of NAMES) view.setUint32(WORDS[name], context[name] ?? 0, true);
  for (const [index, word] of (context.control ?? []).slice(0, 5).entries()) {
    view.setUint32(CONTROL + index * 4, word, true);
  }
  view.setBigUint64(TIMESTAMP, context.timestamp ?? 0n, true);
  return bytes;
}

export function decodeContext(bytes: Uint8Array): Required<RunContext> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const words = Object.fromEntries(NAMES.map((name) => [name, view.getUint32(WORDS[name], true)])) as {
    [K in keyof typeof WORDS]: number;
  };
  const control = Array.from({ length: 5 }, (_, index) => view.getUint32(CONTROL + index * 4, true));
  return { ...words, control, timestamp: view.getBigUint64(TIMESTAMP, true) };
}
