/** IPv4 addresses are their four bytes in network order. */

/**
 * An address in dotted-quad form, as inet_pton(3) takes it: four decimal numbers without leading zeros.
 * Returns undefined for anything else.
 */
export function parseIpv4(text: string): Uint8Array | undefined {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  if (match === null) return undefined;
  const address = new Uint8Array(4);
  for (let index = 0; index < 4; index++) {
    const part = match[index + 1]!;
    const value = Number(part);
    if (value > 255 || (part.length > 1 && part.startsWith("0"))) return undefined;
    address[index] = value;
  }
  return address;
}

/**
 * An address in any form that inet_aton(3) takes: one to four parts, each decimal, octal ("010") or hexadecimal
 * ("0xa"), the last part filling all bytes that are left ("10.1" is 10.0.0.1), white space and what follows it
 * ignored. Returns undefined for anything else.
 */
export function parseInetAton(text: string): Uint8Array | undefined {
  const parts = text.split(/[ \t\n\v\f\r]/, 1)[0]!.split(".");
  if (parts.length > 4) return undefined;
  const values: number[] = [];
  for (const part of parts) {
    const value = parseCNumber(part);
    if (value === undefined) return undefined;
    values.push(value);
  }
  const last = values.pop()!;
  if (values.some((value) => value > 255) || last >= 2 ** (8 * (4 - values.length))) return undefined;
  const high = values.reduce((sum, value, index) => sum + value * 2 ** (8 * (3 - index)), 0);
  return ipv4FromNumber(high + last);
}

/** A number as C writes it, below 2^32. */
function parseCNumber(text: string): number | undefined {
  let value: number;
  if (/^0[xX][0-9a-fA-F]+$/.test(text)) value = Number.parseInt(text.slice(2), 16);
  else if (/^0[0-7]*$/.test(text)) value = Number.parseInt(text, 8);
  else if (/^[1-9][0-9]*$/.test(text)) value = Number.parseInt(text, 10);
  else return undefined;
  return value < 2 ** 32 ? value : undefined;
}

/** "10.0.0.1". */
export function formatIpv4(address: Uint8Array): string {
  return `${address[0]}.${address[1]}.${address[2]}.${address[3]}`;
}

/** The address as a number, 10.0.0.1 being 0x0a000001. */
export function ipv4ToNumber(address: Uint8Array): number {
  return ((address[0]! << 24) | (address[1]! << 16) | (address[2]! << 8) | address[3]!) >>> 0;
}

/** The address of a number, 0x0a000001 being 10.0.0.1. */
export function ipv4FromNumber(value: number): Uint8Array {
  return Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value);
}
