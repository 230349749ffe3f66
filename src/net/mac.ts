/** Ethernet addresses are their six bytes. */

/** "02:00:00:0a:00:01", one or two hexadecimal digits a group. Returns undefined for anything else. */
export function parseMac(text: string): Uint8Array | undefined {
  if (!/^[0-9a-fA-F]{1,2}(:[0-9a-fA-F]{1,2}){5}$/.test(text)) return undefined;
  return Uint8Array.from(text.split(":"), (group) => Number.parseInt(group, 16));
}

/** As {@link parseMac}, for text that the program itself wrote. Throws RangeError for anything else. */
export function mac(text: string): Uint8Array {
  const address = parseMac(text);
  if (address === undefined) throw new RangeError(`"${text}" is not an Ethernet address`);
  return address;
}

/** "02:00:00:0a:00:01". */
export function formatMac(address: Uint8Array): string {
  return Array.from(address, (byte) => byte.toString(16).padStart(2, "0")).join(":");
}

/** ff:ff:ff:ff:ff:ff. */
export const BROADCAST_MAC: Uint8Array = new Uint8Array(6).fill(0xff);
