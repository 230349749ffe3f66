/** An FTP session through a masquerading director of the simulator: both ends count bytes as they know them. */
import assert from "node:assert/strict";
import { TC_REDIRECT } from "../../../bpf/index.ts";
import { formatIp, parseIpPacket } from "../../../net/index.ts";
import {
  Dialogue,
  type DialogueOptions,
  type Family,
  type Manner,
  optionBytes,
  SYN_OPTIONS,
} from "../../forward/client-address/testing/dialogue.ts";
import { FORWARD_MASQ } from "../../tables.ts";
import { interfaceOf, type Side, tcpFrame } from "../../testing/frames.ts";

const NONE = { local: "", toa: "", proxy: "" };

/** The server listens at another port, so that ports are translated too. */
export const FTP_FAMILIES: readonly Family[] = [
  {
    ...{ name: "IPv4", version: 4, virtual: "192.0.2.1:21", server: "10.0.0.1:2121" },
    ...{ client: "198.18.0.1:1000", ...NONE },
  },
  {
    ...{ name: "IPv6", version: 6, virtual: "[2001:db8:f::1]:21", server: "[2001:db8:a::1]:2121" },
    ...{ client: "[2001:db8:1::1]:1000", ...NONE },
  },
];

/** An endpoint with another port. */
export function withPort(endpoint: string, port: number): string {
  return endpoint.replace(/:\d+$/, `:${port}`);
}

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString("latin1");
const bytesOf = (line: string) => Uint8Array.from(Buffer.from(line, "latin1"));

export class FtpSession {
  readonly dialogue: Dialogue;
  readonly family: Family;
  /** The next byte of the client's stream, and of the server's as it counts and as the client does. */
  clientNext = 5001;
  serverNext = 901;
  readNext = 901;

  constructor(family: Family, options: DialogueOptions = {}) {
    this.family = family;
    this.dialogue = new Dialogue(family, 0, { ...options, method: FORWARD_MASQ });
    this.open();
  }

  get director() {
    return this.dialogue.director;
  }

  open(): void {
    const options = optionBytes(...SYN_OPTIONS);
    this.dialogue.client("S", { sequence: this.clientNext - 1, options });
    this.dialogue.server("SA", {
      sequence: this.serverNext - 1,
      acknowledgement: this.clientNext,
      options,
    });
    this.acknowledge();
  }

  /** The client acknowledges all that it has read; what the server reads of that. */
  acknowledge(): number {
    const [segment] = this.dialogue.client("A", {
      sequence: this.clientNext,
      acknowledgement: this.readNext,
    });
    return segment!.acknowledgement;
  }

  /** The client sends text; the server's side of it must be the same. */
  say(line: string, manner: Manner = {}): void {
    const numbers = { sequence: this.clientNext, acknowledgement: this.readNext };
    const segments = this.dialogue.client("PA", { ...numbers, payload: bytesOf(line) }, manner);
    assert.equal(segments.map(({ payload }) => text(payload)).join(""), line);
    assert.equal(segments[0]!.sequence, this.clientNext);
    assert.equal(segments[0]!.acknowledgement, this.serverNext, "what the server knows to be read");
    this.clientNext += line.length;
  }

  /** The server sends text; what the client reads. */
  answer(line: string, manner: Manner = {}): string {
    const numbers = { sequence: this.serverNext, acknowledgement: this.clientNext };
    const segments = this.dialogue.server("PA", { ...numbers, payload: bytesOf(line) }, manner);
    if (segments.length === 0) return "";
    assert.equal(segments[0]!.sequence, this.readNext);
    const read = segments.map(({ payload }) => text(payload)).join("");
    this.serverNext += line.length;
    this.readNext += read.length;
    return read;
  }

  /** Sends a segment of a data connection; whom it goes to, as "SOURCE > DESTINATION", or undefined: nobody. */
  data(side: Side, from: string, to: string, flags: string): string | undefined {
    const { verdict, packet } = this.director.receive(tcpFrame(side, from, to, flags), {
      ifindex: interfaceOf(side),
    });
    if (verdict !== TC_REDIRECT) return undefined;
    const { source, destination, transport } = parseIpPacket(packet.bytes.subarray(14));
    assert.ok(transport.kind === "tcp" && transport.checksumValid);
    const end = (address: Uint8Array, port: number) =>
      `${address.length === 16 ? `[${formatIp(address)}]` : formatIp(address)}:${port}`;
    return `${end(source, transport.sourcePort)} > ${end(destination, transport.destinationPort)}`;
  }

  /** The connections but the control connection, in words. */
  others(): string[] {
    return this.director
      .connections()
      .filter(({ virtual }) => !virtual.endsWith(":21"))
      .map(({ state, source, virtual, destination }) => `${state} ${source} ${virtual} ${destination}`);
  }
}
