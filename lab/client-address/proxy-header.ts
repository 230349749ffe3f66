/** PROXY protocol headers of version 2, as a server reads them (proxy-protocol.txt, section 2.2). */
const SIGNATURE = Buffer.from("0d0a0d0a000d0a515549540a", "hex");
const FIXED = 16;

/** What a header says, as text: "TCP4 198.18.0.1:1000 192.0.2.1:80"; addresses of IPv6 in full, without zeroes left out. */
export interface ProxyHeader {
  readonly text: string;
  /** Bytes of the header. */
  readonly length: number;
}

const PROTOCOLS: ReadonlyMap<number, string> = new Map([
  [0x11, "TCP4"],
  [0x12, "UDP4"],
  [0x21, "TCP6"],
  [0x22, "UDP6"],
]);

function addressText(bytes: Buffer): string {
  return bytes.length === 4 ? bytes.join(".") : bytes.toString("hex").replace(/(.{4})(?!$)/g, "$1:");
}

/** The header that bytes begin with; undefined: more must come. Throws Error: it is none. */
export function parseProxyHeader(bytes: Buffer): ProxyHeader | undefined {
  if (!SIGNATURE.subarray(0, bytes.length).equals(bytes.subarray(0, SIGNATURE.length))) {
    throw new Error(`no PROXY header: ${bytes.subarray(0, 40).toString("hex")}`);
  }
  if (bytes.length < FIXED) return undefined;
  const protocol = PROTOCOLS.get(bytes[13]!);
  const rest = bytes.readUInt16BE(14);
  if (bytes[12] !== 0x21 || protocol === undefined) throw new Error("a header of another kind");
  if (bytes.length < FIXED + rest) return undefined;
  const size = protocol.endsWith("4") ? 4 : 16;
  const source = addressText(bytes.subarray(FIXED, FIXED + size));
  const destination = addressText(bytes.subarray(FIXED + size, FIXED + 2 * size));
  const ports = FIXED + 2 * size;
  return {
    text: `${protocol} ${source} ${bytes.readUInt16BE(ports)} ${destination} ${bytes.readUInt16BE(ports + 2)}`,
    length: FIXED + rest,
  };
}
