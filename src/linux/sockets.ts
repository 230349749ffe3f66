import { SystemError } from "./errno.ts";
import { bind, check, checkRestarting, lastErrno } from "./libc.ts";

/** Address families of socket(2). */
export const AF = { UNSPEC: 0, UNIX: 1, INET: 2, INET6: 10, NETLINK: 16, PACKET: 17 } as const;

/** Socket types; CLOEXEC is always added. */
export const SOCK = { STREAM: 1, DGRAM: 2, RAW: 3, NONBLOCK: 0o4000, CLOEXEC: 0o2000000 } as const;

/** Levels and options of setsockopt(2), asm-generic. */
export const SOL_SOCKET = 1;
export const SO = {
  ERROR: 4,
  SNDBUF: 7,
  RCVBUF: 8,
  BINDTODEVICE: 25,
  REUSEADDR: 2,
  RCVBUFFORCE: 33,
  NETNS_COOKIE: 71,
} as const;

/** Flags of send(2) and recv(2). */
export const MSG = { PEEK: 2, TRUNC: 0x20, DONTWAIT: 0x40, NOSIGNAL: 0x4000 } as const;

const cSocket = bind<[number, number, number], number>("int socket(int family, int type, int protocol)");
const cBind = bind<[number, Uint8Array, number], number>(
  "int bind(int fd, const void *address, uint32_t size)",
);
const cConnect = bind<[number, Uint8Array, number], number>(
  "int connect(int fd, const void *address, uint32_t size)",
);
const cListen = bind<[number, number], number>("int listen(int fd, int backlog)");
const cSendto = bind<[number, Uint8Array, number, number, Uint8Array | null, number], number>(
  "long sendto(int fd, const void *data, size_t size, int flags, const void *to, uint32_t to_size)",
);
const cRecvfrom = bind<[number, Uint8Array, number, number, Uint8Array | null, Uint8Array | null], number>(
  "long recvfrom(int fd, void *data, size_t size, int flags, void *from, void *from_size)",
);
const cRecvmsg = bind<[number, Uint8Array, number], number>("long recvmsg(int fd, void *message, int flags)");
const cGetsockopt = bind<[number, number, number, Uint8Array, Uint8Array], number>(
  "int getsockopt(int fd, int level, int option, void *value, void *size)",
);
const cSetsockopt = bind<[number, number, number, Uint8Array, number], number>(
  "int setsockopt(int fd, int level, int option, const void *value, uint32_t size)",
);
const cGetsockname = bind<[number, Uint8Array, Uint8Array], number>(
  "int getsockname(int fd, void *address, void *size)",
);

/** socket(2), closed on exec, in the current thread's network namespace. Returns the descriptor. */
export function socket(family: number, type: number, protocol: number, attempted?: string): number {
  return check(cSocket(family, type | SOCK.CLOEXEC, protocol), "socket", {
    attempted: attempted ?? `family ${family}, type ${type}, protocol ${protocol}`,
  });
}

/** bind(2) to an encoded sockaddr. */
export function bindSocket(fd: number, address: Uint8Array, attempted?: string): void {
  check(cBind(fd, address, address.length), "bind", { attempted });
}

/** connect(2) to an encoded sockaddr. */
export function connectSocket(fd: number, address: Uint8Array, attempted?: string): void {
  checkRestarting(() => cConnect(fd, address, address.length), "connect", { attempted });
}

/** listen(2). */
export function listenSocket(fd: number, backlog = 511): void {
  check(cListen(fd, backlog), "listen");
}

/** sendto(2), or send(2) without `to`. Returns the number of bytes taken. */
export function sendTo(
  fd: number,
  data: Uint8Array,
  flags = 0,
  to: Uint8Array | null = null,
  attempted?: string,
) {
  return checkRestarting(
    () => cSendto(fd, data, data.length, flags | MSG.NOSIGNAL, to, to?.length ?? 0),
    "sendto",
    { attempted },
  );
}

/**
 * recvfrom(2): fills `data`, and `from` with the sender's sockaddr where given. Returns the number of bytes
 * (with MSG.TRUNC: of the whole datagram), or -1 if there is nothing to read on a non-blocking call.
 */
export function receive(fd: number, data: Uint8Array, flags = 0, from: Uint8Array | null = null): number {
  const size = from === null ? null : new Uint8Array(Uint32Array.of(from.length).buffer);
  for (;;) {
    const result = cRecvfrom(fd, data, data.length, flags, from, size);
    if (result >= 0) return result;
    const errno = lastErrno();
    if (errno === 11) return -1;
    if (errno !== 4) throw new SystemError("recvfrom", errno);
  }
}

/** recvmsg(2) with an encoded struct msghdr. Returns as {@link receive} does. */
export function receiveMessage(fd: number, header: Uint8Array, flags = 0): number {
  for (;;) {
    const result = cRecvmsg(fd, header, flags);
    if (result >= 0) return result;
    const errno = lastErrno();
    if (errno === 11) return -1;
    if (errno !== 4) throw new SystemError("recvmsg", errno);
  }
}

/** getsockopt(2) into `value`; returns the part of it that the kernel filled. */
export function getSocketOption(fd: number, level: number, option: number, value: Uint8Array): Uint8Array {
  const size = Uint32Array.of(value.length);
  check(cGetsockopt(fd, level, option, value, new Uint8Array(size.buffer)), "getsockopt", {
    attempted: `level ${level}, option ${option}`,
  });
  return value.subarray(0, size[0]);
}

/** setsockopt(2); a number is passed as a C int. */
export function setSocketOption(fd: number, level: number, option: number, value: number | Uint8Array): void {
  const bytes = typeof value === "number" ? new Uint8Array(Int32Array.of(value).buffer) : value;
  check(cSetsockopt(fd, level, option, bytes, bytes.length), "setsockopt", {
    attempted: `level ${level}, option ${option}`,
  });
}

/** getsockname(2): the socket's own sockaddr. */
export function socketName(fd: number): Uint8Array {
  const address = new Uint8Array(128);
  const size = Uint32Array.of(address.length);
  check(cGetsockname(fd, address, new Uint8Array(size.buffer)), "getsockname");
  return address.subarray(0, size[0]);
}
