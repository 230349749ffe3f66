import type { IpAddress } from "../net/index.ts";
import { errnoMessage } from "./errno.ts";
import { bind, lastErrno, memoryAt } from "./libc.ts";
import { encodeSocketAddress } from "./socket-address.ts";
import { AF, SOCK } from "./sockets.ts";

/** Results of getaddrinfo(3) and getnameinfo(3). */
const EAI_NAMES = new Map([
  [-1, "EAI_BADFLAGS"],
  [-2, "EAI_NONAME"],
  [-3, "EAI_AGAIN"],
  [-4, "EAI_FAIL"],
  [-5, "EAI_NODATA"],
  [-6, "EAI_FAMILY"],
  [-9, "EAI_ADDRFAMILY"],
  [-10, "EAI_MEMORY"],
  [-11, "EAI_SYSTEM"],
]);
/** Those that mean: there is no such name. */
const NOT_FOUND: ReadonlySet<string> = new Set(["EAI_NONAME", "EAI_NODATA", "EAI_ADDRFAMILY", "EAI_FAMILY"]);

/** A name could not be looked up: the name service failed, which says nothing about the name. */
export class HostLookupError extends Error {
  override readonly name = "HostLookupError";
  /** "EAI_AGAIN" for a name server that does not answer, and so on. */
  readonly code: string;

  constructor(host: string, code: string, reason: string) {
    super(`cannot look up ${host}: ${code} (${reason}); use its address, or see /etc/resolv.conf`);
    this.code = code;
  }
}

const cGetaddrinfo = bind<[string, null, Uint8Array, Uint8Array], number>(
  "int getaddrinfo(const char *node, const char *service, const void *hints, void *result)",
);
const cFreeaddrinfo = bind<[bigint], void>("void freeaddrinfo(uintptr_t list)");
const cGetnameinfo = bind<[Uint8Array, number, Uint8Array, number, null, number, number], number>(
  "int getnameinfo(const void *address, uint32_t size, void *host, uint32_t host_size, void *service, uint32_t service_size, int flags)",
);
const cGaiStrerror = bind<[number], string>("const char *gai_strerror(int code)");

/*
 * struct addrinfo on 64-bit machines:
 *   0  flags (4)   4  family (4)   8  type (4)   12  protocol (4)   16  address size (4)   24  address pointer
 *   32  canonical name pointer   40  next pointer
 */
const ADDRINFO_SIZE = 48;

/**
 * The addresses of a host name, in the order of preference, as getaddrinfo(3) finds them by nsswitch.conf
 * (/etc/hosts, DNS…). Blocks. Returns none for an unknown name.
 *
 * Throws {@link HostLookupError} if the name service fails.
 */
export function lookUpHost(name: string, version?: 4 | 6): IpAddress[] {
  const hints = new Uint8Array(ADDRINFO_SIZE);
  const hintsView = new DataView(hints.buffer);
  hintsView.setInt32(4, version === undefined ? AF.UNSPEC : version === 4 ? AF.INET : AF.INET6, true);
  hintsView.setInt32(8, SOCK.STREAM, true);
  const result = new Uint8Array(8);
  const code = cGetaddrinfo(name, null, hints, result);
  if (code !== 0) {
    failUnlessNotFound(name, code);
    return [];
  }
  const list = new DataView(result.buffer).getBigUint64(0, true);
  try {
    return addressesOf(list);
  } finally {
    cFreeaddrinfo(list);
  }
}

/** Copies the addresses out of a list of struct addrinfo. */
function addressesOf(list: bigint): IpAddress[] {
  const addresses: IpAddress[] = [];
  for (let at = list; at !== 0n; ) {
    const entry = new DataView(memoryAt(at, ADDRINFO_SIZE));
    const family = entry.getInt32(4, true);
    const socketAddress = new Uint8Array(memoryAt(entry.getBigUint64(24, true), entry.getUint32(16, true)));
    if (family === AF.INET) addresses.push(socketAddress.slice(4, 8));
    if (family === AF.INET6) addresses.push(socketAddress.slice(8, 24));
    at = entry.getBigUint64(40, true);
  }
  return addresses;
}

/**
 * The host name of an address, as getnameinfo(3) finds it by nsswitch.conf. Blocks. Returns undefined if it has
 * none, or the name service fails.
 */
export function lookUpAddress(address: IpAddress): string | undefined {
  const NAME_REQUIRED = 8;
  const host = new Uint8Array(1025);
  const socketAddress = encodeSocketAddress({ address, port: 0 });
  const code = cGetnameinfo(socketAddress, socketAddress.length, host, host.length, null, 0, NAME_REQUIRED);
  return code === 0 ? new TextDecoder().decode(host.subarray(0, host.indexOf(0))) : undefined;
}

function failUnlessNotFound(name: string, code: number): void {
  const eai = EAI_NAMES.get(code) ?? `EAI_${code}`;
  if (NOT_FOUND.has(eai)) return;
  throw new HostLookupError(name, eai, code === -11 ? errnoMessage(lastErrno()) : cGaiStrerror(code));
}
