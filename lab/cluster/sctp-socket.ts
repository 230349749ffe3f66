/**
 * Messages over SCTP: the kernel's sockets where it has them, else an end of our own over raw sockets that is good
 * enough for one message at a time on links that lose nothing.
 */
import {
  AF,
  bindSocket,
  close,
  decodeSocketAddress,
  encodeSocketAddress,
  listenSocket,
  MSG,
  receive,
  SOCK,
  sendTo,
  socket,
} from "../../src/linux/index.ts";
import { type Endpoint, ip } from "../../src/net/index.ts";
import {
  CHUNK,
  type Chunk,
  DATA_WHOLE,
  dataValue,
  emitSctp,
  initValue,
  parseSctp,
  sackValue,
} from "./sctp-packet.ts";

const IPPROTO_SCTP = 132;
const SOCK_SEQPACKET = 5;
const LARGEST = 65_536;
const IPV4_HEADER = 20;

/** A message, and who sent it or is to get it. */
export interface Message {
  readonly payload: Buffer;
  readonly peer: Endpoint;
}

/** An end of associations; whoever is written to first becomes a peer. */
export interface SctpSocket {
  send(message: Message): void;
  /** The next message, without waiting. */
  receive(): Message | undefined;
  close(): void;
}

/** Opens an end at an address; `port` 0 lets it be chosen. */
export function openSctp(address: string, port: number): SctpSocket {
  const family = address.includes(":") ? AF.INET6 : AF.INET;
  try {
    return new KernelSocket(socket(family, SOCK_SEQPACKET, IPPROTO_SCTP), { address: ip(address), port });
  } catch {
    const raw = socket(family, SOCK.RAW, IPPROTO_SCTP);
    return new RawSocket(raw, { address: ip(address), port: port || 20_000 + (process.pid % 20_000) });
  }
}

function receiveFrom(fd: number): Message | undefined {
  const data = Buffer.alloc(LARGEST);
  const from = new Uint8Array(28);
  const size = receive(fd, data, MSG.DONTWAIT, from);
  return size <= 0 ? undefined : { payload: data.subarray(0, size), peer: decodeSocketAddress(from) };
}

class KernelSocket implements SctpSocket {
  readonly #fd: number;

  constructor(fd: number, local: Endpoint) {
    this.#fd = fd;
    bindSocket(fd, encodeSocketAddress(local));
    listenSocket(fd);
  }

  send({ payload, peer }: Message): void {
    sendTo(this.#fd, payload, 0, encodeSocketAddress(peer));
  }

  receive(): Message | undefined {
    return receiveFrom(this.#fd);
  }

  close(): void {
    close(this.#fd);
  }
}

/** What is known of a peer. */
interface Association {
  readonly peer: Endpoint;
  /** The tag it wants to see; undefined until it has said. */
  tag: number | undefined;
  established: boolean;
  nextNumber: number;
  sequence: number;
  readonly waiting: Buffer[];
}

/** The tag that we want to see, and our first number: nobody attacks here. */
const OWN_TAG = 0x10ad10ad;
const FIRST_NUMBER = 100;

class RawSocket implements SctpSocket {
  readonly #fd: number;
  readonly #local: Endpoint;
  readonly #associations = new Map<string, Association>();

  constructor(fd: number, local: Endpoint) {
    this.#fd = fd;
    this.#local = local;
    bindSocket(fd, encodeSocketAddress({ ...local, port: 0 }));
  }

  send({ payload, peer }: Message): void {
    const association = this.#with(peer);
    association.waiting.push(payload);
    if (association.established) this.#flush(association);
    else if (association.tag === undefined) {
      this.#emit(association, { type: CHUNK.INIT, flags: 0, value: initValue(OWN_TAG, FIRST_NUMBER) }, 0);
    }
  }

  receive(): Message | undefined {
    for (let got = receiveFrom(this.#fd); got !== undefined; got = receiveFrom(this.#fd)) {
      const bytes = got.peer.address.length === 4 ? got.payload.subarray(IPV4_HEADER) : got.payload;
      const packet = parseSctp(bytes);
      if (packet === undefined || packet.destinationPort !== this.#local.port) continue;
      const association = this.#with({ address: got.peer.address, port: packet.sourcePort });
      for (const chunk of packet.chunks) {
        const message = this.#handle(association, chunk);
        if (message !== undefined) return message;
      }
    }
    return undefined;
  }

  close(): void {
    close(this.#fd);
  }

  #with(peer: Endpoint): Association {
    const key = `${Buffer.from(peer.address).toString("hex")} ${peer.port}`;
    let found = this.#associations.get(key);
    if (found === undefined) {
      found = {
        peer,
        tag: undefined,
        established: false,
        nextNumber: FIRST_NUMBER,
        sequence: 0,
        waiting: [],
      };
      this.#associations.set(key, found);
    }
    return found;
  }

  #handle(association: Association, { type, value }: Chunk): Message | undefined {
    const COOKIE_AT = 20;
    switch (type) {
      case CHUNK.INIT: {
        association.tag = value.readUInt32BE(0);
        const answer = initValue(OWN_TAG, FIRST_NUMBER, Buffer.from("cookie!!"));
        this.#emit(association, { type: CHUNK.INIT_ACK, flags: 0, value: answer });
        return undefined;
      }
      case CHUNK.INIT_ACK:
        association.tag = value.readUInt32BE(0);
        this.#emit(association, { type: CHUNK.COOKIE_ECHO, flags: 0, value: value.subarray(COOKIE_AT) });
        return undefined;
      case CHUNK.COOKIE_ECHO:
        association.established = true;
        this.#emit(association, { type: CHUNK.COOKIE_ACK, flags: 0, value: Buffer.alloc(0) });
        return undefined;
      case CHUNK.COOKIE_ACK:
        association.established = true;
        this.#flush(association);
        return undefined;
      case CHUNK.DATA:
        this.#emit(association, { type: CHUNK.SACK, flags: 0, value: sackValue(value.readUInt32BE(0)) });
        return { payload: Buffer.from(value.subarray(12)), peer: association.peer };
      default:
        return undefined;
    }
  }

  #flush(association: Association): void {
    for (const payload of association.waiting.splice(0)) {
      const value = dataValue(association.nextNumber++, association.sequence++, payload);
      this.#emit(association, { type: CHUNK.DATA, flags: DATA_WHOLE, value });
    }
  }

  #emit({ peer, tag }: Association, chunk: Chunk, to = tag ?? 0): void {
    const packet = { sourcePort: this.#local.port, destinationPort: peer.port, tag: to, chunks: [chunk] };
    sendTo(this.#fd, emitSctp(packet), 0, encodeSocketAddress({ ...peer, port: 0 }));
  }
}
