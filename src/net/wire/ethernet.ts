import { needBytes } from "./malformed.ts";

/*
 * IEEE 802.3, as RFC 894 uses it; one IEEE 802.1Q tag is understood.
 *
 *   0  destination (6)    6  source (6)    12  type (2), or 0x8100 tag (2) type (2)    14 or 18  payload
 */

/** An Ethernet frame. */
export interface EthernetFrame {
  readonly destination: Uint8Array;
  readonly source: Uint8Array;
  /** The type of the payload: see ETHERTYPE. */
  readonly type: number;
  /** The VLAN of a tagged frame, 0 to 4095. */
  readonly vlan?: number;
  readonly payload: Uint8Array;
}

/** Bytes of its header, without a tag. */
export const ETHERNET_LENGTH = 14;
const VLAN_TYPE = 0x8100;

/** Takes a frame apart. The parts are views of `bytes`. Throws MalformedPacketError. */
export function parseEthernet(bytes: Uint8Array): EthernetFrame {
  const view = needBytes(bytes, ETHERNET_LENGTH, "Ethernet");
  const outer = view.getUint16(12);
  const addresses = { destination: bytes.subarray(0, 6), source: bytes.subarray(6, 12) };
  if (outer !== VLAN_TYPE) return { ...addresses, type: outer, payload: bytes.subarray(ETHERNET_LENGTH) };
  needBytes(bytes, 18, "Ethernet");
  const vlan = view.getUint16(14) & 0xfff;
  return { ...addresses, type: view.getUint16(16), vlan, payload: bytes.subarray(18) };
}

/** The bytes of a frame, without padding to 60 bytes and without frame check sequence. */
export function emitEthernet(frame: EthernetFrame): Uint8Array {
  const header = frame.vlan === undefined ? ETHERNET_LENGTH : 18;
  const bytes = new Uint8Array(header + frame.payload.length);
  const view = new DataView(bytes.buffer);
  bytes.set(frame.destination, 0);
  bytes.set(frame.source, 6);
  if (frame.vlan !== undefined) {
    view.setUint16(12, VLAN_TYPE);
    view.setUint16(14, frame.vlan);
  }
  view.setUint16(header - 2, frame.type);
  bytes.set(frame.payload, header);
  return bytes;
}
