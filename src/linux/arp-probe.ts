import {
  ARP_OPERATION,
  ETHERTYPE,
  emitArp,
  emitEthernet,
  type IpAddress,
  parseArp,
  parseEthernet,
  sameBytes,
} from "../net/index.ts";
import { close } from "./files.ts";
import { POLL, pollOne } from "./poll.ts";
import { AF, bindSocket, MSG, receive, SOCK, sendTo, socket } from "./sockets.ts";

const BROADCAST = Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0xff, 0xff);

/** An address to ask for on an Ethernet link. */
export interface ArpProbe {
  /** The link's index, in the thread's network namespace. */
  readonly index: number;
  /** The link's own address. */
  readonly mac: Uint8Array;
  /** IPv4. */
  readonly address: IpAddress;
}

/**
 * Asks who else has these addresses, as a host does before it takes one (RFC 5227: an ARP probe, which changes nobody's cache).
 * Returns for each the link-layer addresses that answered, without our own. Takes `timeout` ms.
 */
export function probeOwners(probes: readonly ArpProbe[], timeout: number): Uint8Array[][] {
  const deadline = performance.now() + timeout;
  const asked = probes.map((probe) => ({ probe, fd: ask(probe) }));
  return asked.map(({ probe, fd }) => {
    try {
      return answers(fd, probe, deadline);
    } finally {
      close(fd);
    }
  });
}

function ask({ index, mac, address }: ArpProbe): number {
  const fd = socket(AF.PACKET, SOCK.RAW, 0, "packet socket (needs root or CAP_NET_RAW)");
  try {
    bindSocket(fd, linkAddress(index), `packet socket to interface ${index}`);
    const arp = emitArp({
      operation: ARP_OPERATION.REQUEST,
      senderMac: mac,
      senderIp: new Uint8Array(4),
      targetMac: new Uint8Array(6),
      targetIp: address,
    });
    const frame = emitEthernet({ destination: BROADCAST, source: mac, type: ETHERTYPE.ARP, payload: arp });
    sendTo(fd, frame, 0, null, "ARP probe");
    return fd;
  } catch (error) {
    close(fd);
    throw error;
  }
}

function answers(fd: number, { mac, address }: ArpProbe, deadline: number): Uint8Array[] {
  const found: Uint8Array[] = [];
  const buffer = new Uint8Array(1514);
  for (;;) {
    const left = Math.max(0, Math.ceil(deadline - performance.now()));
    if (pollOne(fd, POLL.IN, left) === 0) return found;
    const size = receive(fd, buffer, MSG.DONTWAIT);
    if (size <= 0) return found;
    const sender = ownerIn(buffer.slice(0, size), address);
    if (sender === undefined || sameBytes(sender, mac)) continue;
    if (!found.some((each) => sameBytes(each, sender))) found.push(sender);
  }
}

/** Who says in this frame that the address is theirs. */
function ownerIn(frame: Uint8Array, address: IpAddress): Uint8Array | undefined {
  try {
    const { payload } = parseEthernet(frame);
    const { operation, senderIp, senderMac } = parseArp(payload);
    return operation === ARP_OPERATION.REPLY && sameBytes(senderIp, address) ? senderMac : undefined;
  } catch {
    // Not ARP for IPv4 over Ethernet.
    return undefined;
  }
}

/** struct sockaddr_ll:  0  family (2)   2  protocol, network order (2)   4  index (4) */
function linkAddress(index: number): Uint8Array {
  const bytes = new Uint8Array(20);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, AF.PACKET, true);
  view.setUint16(2, ETHERTYPE.ARP);
  view.setInt32(4, index, true);
  return bytes;
}
