import { errnoName, SystemError } from "../errno.ts";
import { close } from "../files.ts";
import { inNetworkNamespace } from "../namespace.ts";
import { POLL, pollOne } from "../poll.ts";
import {
  AF,
  bindSocket,
  MSG,
  receive,
  SO,
  SOCK,
  SOL_SOCKET,
  sendTo,
  setSocketOption,
  socket,
} from "../sockets.ts";
import { type Attribute, encodeAttributes } from "./attribute.ts";
import {
  decodeAcknowledgement,
  decodeMessages,
  encodeMessage,
  type NetlinkMessage,
  NLM_F,
  NLMSG,
} from "./message.ts";

/** Netlink protocols: which part of the kernel a socket speaks with. */
export const NETLINK = { ROUTE: 0, NETFILTER: 12, GENERIC: 16 } as const;

const SOL_NETLINK = 270;
const ADD_MEMBERSHIP = 1;
const CAP_ACK = 10;
const EXT_ACK = 11;
const GET_STRICT_CHK = 12;

/** More than the kernel ever puts into one datagram. */
const RECEIVE_BYTES = 0x1_0000;
const EPERM = 1;
const NEEDS_ROOT = "this needs root (CAP_NET_ADMIN)";
/** How often a dump that met a change is begun anew. */
const DUMP_ATTEMPTS = 10;

/** A request: what to do, as plain data. */
export interface NetlinkRequest {
  readonly type: number;
  /** Besides REQUEST and ACK, which are always set. */
  readonly flags?: number;
  /** The family's fixed header. */
  readonly header?: Uint8Array;
  readonly attributes?: readonly Attribute[];
  /** The request in words, for errors: "create veth pair a/b". */
  readonly name: string;
  /** What to do about an error, by its code. */
  readonly advice?: Readonly<Record<string, string>>;
}

/**
 * A netlink socket. It belongs to the network namespace that its maker's thread was in, for good; its calls may
 * then be made from anywhere. Calls are synchronous and throw {@link SystemError} with the kernel's own words.
 */
export class NetlinkSocket {
  readonly fd: number;
  #sequence = 1;
  readonly #buffer = new Uint8Array(RECEIVE_BYTES);

  /** `protocol` is one of {@link NETLINK}. */
  constructor(protocol: number) {
    this.fd = socket(AF.NETLINK, SOCK.RAW, protocol, `netlink protocol ${protocol}`);
    setSocketOption(this.fd, SOL_NETLINK, CAP_ACK, 1);
    setSocketOption(this.fd, SOL_NETLINK, EXT_ACK, 1);
    setSocketOption(this.fd, SOL_NETLINK, GET_STRICT_CHK, 1);
    const address = new Uint8Array(12);
    address[0] = AF.NETLINK;
    bindSocket(this.fd, address, "netlink socket");
  }

  close(): void {
    close(this.fd);
  }

  /** Sends a request and returns the answers before its acknowledgement. Throws on an error. */
  request(request: NetlinkRequest): NetlinkMessage[] {
    const sequence = this.#send([request]);
    return this.#collect(sequence, request);
  }

  /**
   * Sends requests together, in order, and reads all their acknowledgements. Each is carried out whether or not
   * those before it failed. Returns the errors, undefined for success, in the order of the requests.
   */
  requestAll(requests: readonly NetlinkRequest[]): (SystemError | undefined)[] {
    if (requests.length === 0) return [];
    const first = this.#send(requests);
    return requests.map((request, index) => {
      try {
        this.#collect(first + index, request);
        return undefined;
      } catch (error) {
        if (error instanceof SystemError) return error;
        throw error;
      }
    });
  }

  /** Asks for everything of a kind. A dump that met a change is begun anew. */
  dump(request: NetlinkRequest): NetlinkMessage[] {
    for (let attempt = 1; ; attempt++) {
      const messages = this.request({ ...request, flags: (request.flags ?? 0) | NLM_F.DUMP });
      const interrupted = messages.some(({ flags }) => flags & NLM_F.DUMP_INTR);
      if (!interrupted || attempt === DUMP_ATTEMPTS) return messages;
    }
  }

  /** Joins a multicast group (RTNLGRP_LINK is 1); its messages come through {@link notifications}. */
  join(group: number): void {
    setSocketOption(this.fd, SOL_SOCKET, SO.RCVBUF, 1 << 20);
    setSocketOption(this.fd, SOL_NETLINK, ADD_MEMBERSHIP, group);
  }

  /** Messages of groups that were joined; waits at most `timeout` milliseconds for the first. */
  notifications(timeout: number): NetlinkMessage[] {
    if ((pollOne(this.fd, POLL.IN, timeout) & POLL.IN) === 0) return [];
    return this.#receive();
  }

  /** Sends requests as one datagram; returns the sequence number of the first. */
  #send(requests: readonly NetlinkRequest[]): number {
    const first = this.#sequence;
    const encoded = requests.map(({ type, flags = 0, header, attributes = [] }, index) =>
      encodeMessage({
        type,
        flags: flags | NLM_F.REQUEST | NLM_F.ACK,
        sequence: first + index,
        payload: encodeAttributes(attributes, header),
      }),
    );
    this.#sequence += requests.length;
    sendTo(this.fd, Buffer.concat(encoded), 0, null, requests[0]!.name);
    return first;
  }

  /** Reads the answers to a request, up to its acknowledgement. */
  #collect(sequence: number, request: NetlinkRequest): NetlinkMessage[] {
    const answers: NetlinkMessage[] = [];
    for (;;) {
      const message = this.#next();
      if (message.sequence !== sequence) continue;
      if (message.type === NLMSG.NOOP) continue;
      if (message.type !== NLMSG.ERROR && message.type !== NLMSG.DONE) {
        answers.push(message);
        continue;
      }
      const { errno, text } = decodeAcknowledgement(message);
      if (errno === 0) return answers;
      const advice = request.advice?.[errnoName(errno)] ?? (errno === EPERM ? NEEDS_ROOT : undefined);
      throw new SystemError("netlink", errno, { attempted: request.name, kernelMessage: text, advice });
    }
  }

  #queue: NetlinkMessage[] = [];

  #next(): NetlinkMessage {
    while (this.#queue.length === 0) this.#queue = this.#receive();
    return this.#queue.shift()!;
  }

  #receive(): NetlinkMessage[] {
    const from = new Uint8Array(12);
    const size = receive(this.fd, this.#buffer, MSG.TRUNC, from);
    if (size > this.#buffer.length) throw new RangeError(`a netlink answer of ${size} bytes is too long`);
    const senderPort = new DataView(from.buffer).getUint32(4, true);
    return senderPort === 0 && size > 0 ? decodeMessages(this.#buffer.slice(0, size)) : [];
  }
}

/**
 * Opens a netlink socket for links, addresses, routes, neighbours and traffic control of a network namespace
 * (a name, or a descriptor of one; by default the thread's own).
 */
export function openRouteSocket(namespace?: string | number): NetlinkSocket {
  const make = () => new NetlinkSocket(NETLINK.ROUTE);
  return namespace === undefined ? make() : inNetworkNamespace(namespace, make);
}

/** Runs `work` with a socket of {@link openRouteSocket} and closes it. */
export function withRouteSocket<T>(work: (socket: NetlinkSocket) => T, namespace?: string | number): T {
  const socket = openRouteSocket(namespace);
  try {
    return work(socket);
  } finally {
    socket.close();
  }
}
