/** Frames as the client's and the servers' side of the director see them. */
import {
  buildTcp,
  buildUdp,
  emitEthernet,
  endpoint,
  type TcpSettings,
  type UdpSettings,
} from "../../net/index.ts";
import {
  CLIENT_MAC,
  CLIENT_SIDE,
  CLIENT_SIDE_MAC,
  SERVER_MAC,
  SERVER_SIDE,
  SERVER_SIDE_MAC,
} from "./director.ts";

export type Side = "client" | "server";

function macBytes(value: number): Uint8Array {
  return Uint8Array.from({ length: 6 }, (_, i) => Math.floor(value / 2 ** (40 - 8 * i)) & 255);
}

/** A frame that the director receives from that side. */
export function frame(side: Side, ip: Uint8Array): Uint8Array {
  const [source, destination] =
    side === "client" ? [CLIENT_MAC, CLIENT_SIDE_MAC] : [SERVER_MAC, SERVER_SIDE_MAC];
  return emitEthernet({
    source: macBytes(source),
    destination: macBytes(destination),
    type: ip[0]! >> 4 === 6 ? 0x86dd : 0x0800,
    payload: ip,
  });
}

/** The interface that frames of that side come in by. */
export function interfaceOf(side: Side): number {
  return side === "client" ? CLIENT_SIDE : SERVER_SIDE;
}

/** A TCP segment with these flags, as letters. */
export function tcpFrame(
  side: Side,
  from: string,
  to: string,
  flags: string,
  settings: TcpSettings = {},
): Uint8Array {
  return frame(side, buildTcp(endpoint(from), endpoint(to), flags, settings));
}

export function udpFrame(side: Side, from: string, to: string, settings: UdpSettings = {}): Uint8Array {
  return frame(side, buildUdp(endpoint(from), endpoint(to), settings));
}
