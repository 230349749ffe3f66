import { close, ioctl } from "./files.ts";
import { addressOf } from "./libc.ts";
import { AF, SOCK, socket } from "./sockets.ts";

const SIOCETHTOOL = 0x8946;

/** Commands of ethtool that read and set an offload: include/uapi/linux/ethtool.h. */
const OFFLOADS = {
  rxChecksum: { get: 0x14, set: 0x15 },
  txChecksum: { get: 0x16, set: 0x17 },
  scatterGather: { get: 0x18, set: 0x19 },
  tso: { get: 0x1e, set: 0x1f },
  gso: { get: 0x23, set: 0x24 },
  gro: { get: 0x2b, set: 0x2c },
} as const;

/** Work that an interface may do for the stack, or put off. */
export type Offload = keyof typeof OFFLOADS;

/** Whether an offload is on, for an interface of the thread's network namespace. */
export function offloadEnabled(link: string, offload: Offload): boolean {
  return control(link, OFFLOADS[offload].get, 0, `ethtool -k ${link} (${offload})`) !== 0;
}

/** Turns an offload on or off, as `ethtool -K` does. Turn txChecksum off to see finished checksums on a veth. */
export function setOffload(link: string, offload: Offload, on: boolean): void {
  control(link, OFFLOADS[offload].set, on ? 1 : 0, `ethtool -K ${link} ${offload} ${on ? "on" : "off"}`);
}

/** struct ethtool_value: 0 command (4), 4 data (4). */
function control(link: string, command: number, data: number, attempted: string): number {
  const value = Uint32Array.of(command, data);
  ethtool(link, value, attempted);
  return value[1]!;
}

/**
 * The ioctl that ethtool(8) is made of: `words` begins with the command and gets the answer. For an interface of the
 * thread's network namespace. Throws SystemError: EOPNOTSUPP, ENODEV.
 *
 * struct ifreq: 0 name (16), 16 pointer to the words.
 */
export function ethtool(link: string, words: Uint32Array, attempted: string): void {
  const request = new Uint8Array(40);
  request.set(new TextEncoder().encode(link).subarray(0, 15));
  new DataView(request.buffer).setBigUint64(16, addressOf(words.buffer as ArrayBuffer), true);
  const fd = socket(AF.INET, SOCK.DGRAM, 0);
  try {
    ioctl(fd, SIOCETHTOOL, request, "SIOCETHTOOL", attempted);
  } finally {
    close(fd);
  }
}
