import { MalformedPacketError, viewOf } from "./malformed.ts";

/** A TCP option: RFC 9293 section 3.1, RFC 7323 (window scale, timestamps), RFC 2018 (selective acknowledgement). */
export type TcpOption =
  | { readonly kind: "noop" }
  | { readonly kind: "mss"; readonly size: number }
  | { readonly kind: "windowScale"; readonly shift: number }
  | { readonly kind: "sackPermitted" }
  | { readonly kind: "sack"; readonly blocks: readonly { readonly left: number; readonly right: number }[] }
  | { readonly kind: "timestamps"; readonly value: number; readonly echo: number }
  | { readonly kind: "unknown"; readonly code: number; readonly data: Uint8Array };

/** Takes the option bytes of a TCP header apart, up to the end-of-list option. Throws MalformedPacketError. */
export function parseTcpOptions(bytes: Uint8Array): TcpOption[] {
  const options: TcpOption[] = [];
  for (let at = 0; at < bytes.length; ) {
    const code = bytes[at]!;
    if (code === 0) break;
    if (code === 1) {
      options.push({ kind: "noop" });
      at++;
      continue;
    }
    const length = bytes[at + 1] ?? 0;
    if (length < 2 || at + length > bytes.length) {
      throw new MalformedPacketError("TCP", `option ${code} of length ${length}`);
    }
    options.push(parseOption(code, bytes.subarray(at + 2, at + length)));
    at += length;
  }
  return options;
}

function parseOption(code: number, data: Uint8Array): TcpOption {
  const view = viewOf(data);
  if (code === 2 && data.length === 2) return { kind: "mss", size: view.getUint16(0) };
  if (code === 3 && data.length === 1) return { kind: "windowScale", shift: data[0]! };
  if (code === 4 && data.length === 0) return { kind: "sackPermitted" };
  if (code === 5 && data.length % 8 === 0) {
    const blocks = Array.from({ length: data.length / 8 }, (_, index) => ({
      left: view.getUint32(8 * index),
      right: view.getUint32(8 * index + 4),
    }));
    return { kind: "sack", blocks };
  }
  if (code === 8 && data.length === 8) {
    return { kind: "timestamps", value: view.getUint32(0), echo: view.getUint32(4) };
  }
  return { kind: "unknown", code, data };
}

/** The bytes of options, padded with end-of-list to a multiple of 4. */
export function emitTcpOptions(options: readonly TcpOption[]): Uint8Array {
  const bytes = options.flatMap(emitOption);
  while (bytes.length % 4 !== 0) bytes.push(0);
  if (bytes.length > 40) throw new RangeError(`TCP options take at most 40 bytes, not ${bytes.length}`);
  return Uint8Array.from(bytes);
}

function emitOption(option: TcpOption): number[] {
  switch (option.kind) {
    case "noop":
      return [1];
    case "mss":
      return [2, 4, option.size >> 8, option.size & 0xff];
    case "windowScale":
      return [3, 3, option.shift];
    case "sackPermitted":
      return [4, 2];
    case "sack":
      return [
        5,
        2 + 8 * option.blocks.length,
        ...option.blocks.flatMap(({ left, right }) => [...word(left), ...word(right)]),
      ];
    case "timestamps":
      return [8, 10, ...word(option.value), ...word(option.echo)];
    case "unknown":
      return [option.code, 2 + option.data.length, ...option.data];
  }
}

function word(value: number): number[] {
  return [value >>> 24, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff];
}
