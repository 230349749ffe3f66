/** Sockets that wait for packets: proc(5), /proc/net/tcp and its like. */
import { readFileSync } from "node:fs";
import { formatIp } from "../../net/index.ts";
import type { Listener } from "./facts.ts";

const FOLDER = "/proc/thread-self/net";
/** TCP_LISTEN, and what unconnected UDP sockets have (TCP_CLOSE). */
const WAITING = { tcp: "0A", udp: "07" } as const;

/** Those of the calling thread's network namespace. */
export function readListeners(): Listener[] {
  return (["tcp", "udp"] as const).flatMap((protocol) =>
    [protocol, `${protocol}6`].flatMap((file) => {
      try {
        return parseListeners(readFileSync(`${FOLDER}/${file}`, "utf8"), protocol);
      } catch {
        // Without IPv6 there is no such file.
        return [];
      }
    }),
  );
}

/** The sockets in the text of /proc/net/tcp, tcp6, udp or udp6 that nobody is connected to. */
export function parseListeners(text: string, protocol: "tcp" | "udp"): Listener[] {
  return text.split("\n").flatMap((line) => {
    const [, address, port, state] =
      /^\s*\d+: ([0-9A-F]+):([0-9A-F]{4}) [0-9A-F]+:[0-9A-F]+ ([0-9A-F]{2})/.exec(line) ?? [];
    if (state !== WAITING[protocol]) return [];
    return { protocol, address: addressOf(address!), port: Number.parseInt(port!, 16) };
  });
}

/** Words of 32 bits, each in the machine's byte order. Null: any address. */
function addressOf(digits: string): string | null {
  const bytes = digits.match(/.{8}/g)!.flatMap((word) =>
    word
      .match(/../g)!
      .reverse()
      .map((pair) => Number.parseInt(pair, 16)),
  );
  if (bytes.every((byte) => byte === 0)) return null;
  const isMapped =
    bytes.length === 16 && bytes.slice(0, 12).every((byte, at) => byte === (at < 10 ? 0 : 0xff));
  return formatIp(Uint8Array.from(isMapped ? bytes.slice(12) : bytes));
}
