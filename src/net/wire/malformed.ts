/** Bytes that are not what their protocol asks for: too short, a length that does not fit, a wrong version. */
export class MalformedPacketError extends Error {
  override readonly name = "MalformedPacketError";
  readonly code = "LVS_MALFORMED_PACKET";
  /** The protocol whose rules are broken: "IPv4". */
  readonly protocol: string;

  constructor(protocol: string, reason: string) {
    super(`malformed ${protocol} packet: ${reason}`);
    this.protocol = protocol;
  }
}

/** Throws unless `bytes` holds at least `needed` bytes; afterwards no fixed field can be out of reach. */
export function needBytes(bytes: Uint8Array, needed: number, protocol: string): DataView {
  if (bytes.length < needed) {
    throw new MalformedPacketError(protocol, `${bytes.length} bytes where at least ${needed} are needed`);
  }
  return viewOf(bytes);
}

/** A DataView of the same bytes. */
export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** No bytes. */
export const NO_BYTES: Uint8Array = new Uint8Array(0);
