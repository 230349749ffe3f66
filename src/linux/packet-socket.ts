import { close } from "./files.ts";
import { inNetworkNamespace } from "./namespace.ts";
import { getLink } from "./netlink/link.ts";
import { withRouteSocket } from "./netlink/socket.ts";
import { POLL, pollOne } from "./poll.ts";
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
} from "./sockets.ts";

const SOL_PACKET = 263;
const PACKET_VNET_HDR = 15;
const ETH_P_ALL_BE = 0x0300;
const PACKET_OUTGOING = 4;
const VNET_HEADER_SIZE = 10;
const NEEDS_CHECKSUM = 1;

/** How a large frame is to be cut: values of gso_type in struct virtio_net_hdr. */
export const GSO_TYPE = { NONE: 0, TCPV4: 1, UDP: 3, TCPV6: 4, UDP_L4: 5 } as const;

/** What the network stack notes beside a frame. */
export interface FrameOffload {
  /** Set if the checksum of the transport header is still to be made: where its sum begins, and its field from there. */
  readonly checksum?: { readonly start: number; readonly offset: number };
  /** Set if the frame stands for several segments. */
  readonly segments?: {
    /** See {@link GSO_TYPE}. */
    readonly type: number;
    /** The payload of each segment, in bytes. */
    readonly size: number;
    /** The headers that each segment repeats, in bytes. */
    readonly headerLength: number;
  };
}

/** A frame that was received. */
export interface ReceivedFrame extends FrameOffload {
  readonly bytes: Uint8Array;
  /** Whether this machine sent it. */
  readonly outgoing: boolean;
}

/**
 * A raw socket on one interface: packet(7). It sends frames as they are and receives all that come in or go out.
 * Needs CAP_NET_RAW. For tests and tools: never for the way of a packet.
 */
export class PacketSocket {
  readonly fd: number;
  readonly #buffer = new Uint8Array(VNET_HEADER_SIZE + 0x1_0000 + 64);

  /** `index` is the interface's. It is looked for in the network namespace of the calling thread. */
  constructor(index: number) {
    this.fd = socket(AF.PACKET, SOCK.RAW, 0, "packet socket (needs root or CAP_NET_RAW)");
    setSocketOption(this.fd, SOL_PACKET, PACKET_VNET_HDR, 1);
    setSocketOption(this.fd, SOL_SOCKET, SO.RCVBUFFORCE, 8 << 20);
    bindSocket(this.fd, linkAddress(index), `packet socket to interface ${index}`);
  }

  /** Sends a frame, with its Ethernet header. */
  send(frame: Uint8Array, offload: FrameOffload = {}): void {
    const bytes = new Uint8Array(VNET_HEADER_SIZE + frame.length);
    const view = new DataView(bytes.buffer);
    const { checksum, segments } = offload;
    if (segments !== undefined) {
      bytes[1] = segments.type;
      view.setUint16(2, segments.headerLength, true);
      view.setUint16(4, segments.size, true);
    }
    if (checksum !== undefined) {
      bytes[0] = NEEDS_CHECKSUM;
      view.setUint16(6, checksum.start, true);
      view.setUint16(8, checksum.offset, true);
    }
    bytes.set(frame, VNET_HEADER_SIZE);
    sendTo(this.fd, bytes, 0, null, `frame of ${frame.length} bytes`);
  }

  /** The next frame; waits at most `timeout` milliseconds for it. Undefined if none came. */
  receive(timeout = 0): ReceivedFrame | undefined {
    if (pollOne(this.fd, POLL.IN, timeout) === 0) return undefined;
    const from = new Uint8Array(20);
    const size = receive(this.fd, this.#buffer, MSG.DONTWAIT, from);
    if (size < VNET_HEADER_SIZE) return undefined;
    const view = new DataView(this.#buffer.buffer);
    const offload: { -readonly [Key in keyof FrameOffload]: FrameOffload[Key] } = {};
    if (this.#buffer[0]! & NEEDS_CHECKSUM) {
      offload.checksum = { start: view.getUint16(6, true), offset: view.getUint16(8, true) };
    }
    const type = this.#buffer[1]! & 0x7f;
    if (type !== GSO_TYPE.NONE) {
      offload.segments = { type, headerLength: view.getUint16(2, true), size: view.getUint16(4, true) };
    }
    const bytes = this.#buffer.slice(VNET_HEADER_SIZE, size);
    return { bytes, outgoing: from[10] === PACKET_OUTGOING, ...offload };
  }

  /** All frames that come within `timeout` milliseconds. */
  receiveAll(timeout: number): ReceivedFrame[] {
    const frames: ReceivedFrame[] = [];
    const deadline = performance.now() + timeout;
    for (;;) {
      const frame = this.receive(Math.max(0, deadline - performance.now()));
      if (frame === undefined) return frames;
      frames.push(frame);
    }
  }

  close(): void {
    close(this.fd);
  }
}

/** struct sockaddr_ll:  0  family (2)   2  protocol, network order (2)   4  index (4)   8  …   10  packet type (1) */
function linkAddress(index: number): Uint8Array {
  const bytes = new Uint8Array(20);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, AF.PACKET, true);
  view.setUint16(2, ETH_P_ALL_BE, true);
  view.setInt32(4, index, true);
  return bytes;
}

/** Opens a packet socket on an interface of a network namespace (default: the thread's own). */
export function openPacketSocket(link: string, namespace?: string | number): PacketSocket {
  const make = () => new PacketSocket(withRouteSocket((route) => getLink(route, link).index));
  return namespace === undefined ? make() : inNetworkNamespace(namespace, make);
}
