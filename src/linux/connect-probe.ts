import { type Endpoint, formatEndpoint, type IpAddress } from "../net/index.ts";
import { hasCode } from "./errno.ts";
import { close } from "./files.ts";
import { familyOf } from "./netlink/address.ts";
import { POLL, pollOne } from "./poll.ts";
import { encodeSocketAddress } from "./socket-address.ts";
import {
  bindSocket,
  connectSocket,
  getSocketOption,
  SO,
  SOCK,
  SOL_SOCKET,
  setSocketOption,
  socket,
} from "./sockets.ts";

/** A TCP connection to try. */
export interface ConnectProbe {
  readonly to: Endpoint;
  /** One of the host's own addresses to come from. Default: as the route says. */
  readonly from?: IpAddress;
  /** The port to come from. Default: any that is free. */
  readonly fromPort?: number;
  /** The interface by which to go out, and by which answers must come in. Default: any. */
  readonly link?: string;
}

/**
 * What became of it: "accepted"; "refused" (a reset: the host is there); "unreachable" (no route, no answer to ARP or
 * neighbour solicitation, an ICMP error); "silent" (nothing came within the time); "impossible" (it cannot come from there).
 */
export type ConnectOutcome = "accepted" | "refused" | "unreachable" | "silent" | "impossible";

/** errno values of a connection that was tried. */
const EINPROGRESS = 115;
const ECONNREFUSED = 111;
const ECONNRESET = 104;

/** Tries TCP connections, all at the same time, and closes those that came about. Takes at most `timeout` ms. */
export function probeConnections(probes: readonly ConnectProbe[], timeout: number): ConnectOutcome[] {
  const deadline = performance.now() + timeout;
  const started = probes.map(start);
  return started.map((each) => {
    if (typeof each !== "number") return each;
    try {
      const left = Math.max(0, Math.ceil(deadline - performance.now()));
      return pollOne(each, POLL.OUT, left) === 0 ? "silent" : outcomeOf(pendingError(each));
    } finally {
      close(each);
    }
  });
}

/** The descriptor of a connection under way, or what became of it at once. */
function start({ to, from, fromPort = 0, link }: ConnectProbe): number | ConnectOutcome {
  const fd = socket(familyOf(to.address), SOCK.STREAM | SOCK.NONBLOCK, 0, "TCP socket");
  try {
    if (link !== undefined) {
      setSocketOption(fd, SOL_SOCKET, SO.BINDTODEVICE, new TextEncoder().encode(`${link}\0`));
    }
    if (from !== undefined) bindSocket(fd, encodeSocketAddress({ address: from, port: fromPort }));
  } catch {
    close(fd);
    return "impossible";
  }
  try {
    connectSocket(fd, encodeSocketAddress(to), `connection to ${formatEndpoint(to)}`);
    return fd;
  } catch (error) {
    if (hasCode(error, "EINPROGRESS")) return fd;
    close(fd);
    return hasCode(error, "ECONNREFUSED") ? "refused" : "unreachable";
  }
}

function pendingError(fd: number): number {
  const value = getSocketOption(fd, SOL_SOCKET, SO.ERROR, new Uint8Array(4));
  return new DataView(value.buffer, value.byteOffset).getInt32(0, true);
}

function outcomeOf(errno: number): ConnectOutcome {
  if (errno === 0) return "accepted";
  if (errno === ECONNREFUSED || errno === ECONNRESET) return "refused";
  return errno === EINPROGRESS ? "silent" : "unreachable";
}
