/** Packets for fuzzing: good ones, and what becomes of them when bits flip and ends are cut off. */
import { buildIp, buildUdp, endpoint, ip, PROTOCOL } from "../../net/index.ts";
import { frame, type Side, tcpFrame, udpFrame } from "./frames.ts";

export const CLIENT = "198.18.0.10:40001";
export const VIRTUAL = "192.0.2.1:80";
export const SERVER = "10.0.0.1:8080";

/** Numbers below a limit, the same for the same seed. */
export function randomNumbers(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
}

function icmpError(side: Side, type: number): Uint8Array {
  const about =
    side === "client"
      ? buildUdp(endpoint(VIRTUAL), endpoint(CLIENT))
      : buildUdp(endpoint(CLIENT), endpoint(SERVER));
  const message = new Uint8Array(8 + about.length);
  message[0] = type;
  message.set(about, 8);
  const [source, destination] = side === "client" ? ["198.18.0.1", "192.0.2.1"] : ["10.0.0.1", "198.18.0.10"];
  const pair = { source: ip(source), destination: ip(destination) };
  return frame(side, buildIp(pair, PROTOCOL.ICMP, message));
}

/** Packets of all kinds that the datapath treats differently. */
export function samples(): readonly { readonly side: Side; readonly bytes: Uint8Array }[] {
  const both = (bytes: Uint8Array, side: Side = "client") => ({ side, bytes });
  return [
    ...["S", "A", "FA", "R", "SA"].map((flags) => both(tcpFrame("client", CLIENT, VIRTUAL, flags))),
    ...["SA", "A", "FA", "R"].map((flags) => both(tcpFrame("server", SERVER, CLIENT, flags), "server")),
    both(tcpFrame("client", CLIENT, VIRTUAL, "PA", { payload: new Uint8Array(101) })),
    both(tcpFrame("client", CLIENT, VIRTUAL, "A", { ip: { timeToLive: 1 } })),
    both(udpFrame("client", CLIENT, VIRTUAL, { payload: new Uint8Array(20) })),
    both(
      udpFrame("client", CLIENT, "192.0.2.1:9", { payload: Uint8Array.from({ length: 1001 }, (_, i) => i) }),
    ),
    both(udpFrame("client", CLIENT, "192.0.2.1:9", { payload: Uint8Array.of(1, 2, 3) })),
    both(udpFrame("client", CLIENT, VIRTUAL, { ip: { options: new Uint8Array(40) } })),
    both(udpFrame("server", SERVER, CLIENT), "server"),
    both(icmpError("client", 3)),
    both(icmpError("server", 11), "server"),
  ];
}

/** A copy with up to three bytes changed, mostly in the headers, and now and then its end cut off. */
export function mutated(original: Uint8Array, random: (limit: number) => number): Uint8Array {
  const bytes = Uint8Array.from(original);
  for (let i = random(4); i > 0; i--) {
    const at = random(2) === 0 ? 14 + random(60) : random(bytes.length);
    if (at < bytes.length) bytes[at] = random(3) === 0 ? random(256) : bytes[at]! ^ (1 << random(8));
  }
  return random(4) === 0 ? bytes.subarray(0, random(bytes.length + 1)) : bytes;
}
