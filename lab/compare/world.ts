/** The network around a director in the kernel: a namespace for it, another with the wires' far ends, which send and receive raw frames. */
import { openPacketSocket, type PacketSocket, type ReceivedFrame } from "../../src/linux/index.ts";
import { checksum, ETHERTYPE, emitEthernet, mac, parseEthernet } from "../../src/net/index.ts";
import { buildNetwork, type NetworkPlan, namespaceOf, removeNetwork } from "../network.ts";
import {
  client4,
  DIRECTOR4,
  DIRECTOR6,
  INSIDE_MAC,
  OUTSIDE_MAC,
  ROUTER_MAC,
  rip4,
  rip6,
  SERVERS,
  serverMac,
  VIPS4,
  VIPS6,
} from "./addresses.ts";

/** Which side of the director. */
export type Side = "outside" | "inside";

/** A frame that the director sent. */
export interface SentFrame {
  readonly side: Side;
  readonly bytes: Uint8Array;
}

const ROUTER4 = "172.16.0.1";
const ROUTER6 = "fd00:1::1";
/** Set for each device, and for those to come: "all" alone does not do. */
const RELAXED = ["all", "default", "outside", "inside"].flatMap((device) => [
  [`net.ipv4.conf.${device}.rp_filter`, "0"],
  [`net.ipv6.conf.${device}.forwarding`, "1"],
  [`net.ipv6.conf.${device}.accept_ra`, "0"],
]) as [string, string][];

function planOf(prefix: string, mtu: number): NetworkPlan {
  const neighbours = [
    { node: "director", device: "outside", address: ROUTER4, mac: ROUTER_MAC },
    { node: "director", device: "outside", address: ROUTER6, mac: ROUTER_MAC },
    ...SERVERS.flatMap((server) =>
      [rip4(server), rip6(server)].map((address) => ({
        ...{ node: "director", device: "inside", address, mac: serverMac(server) },
      })),
    ),
  ];
  return {
    prefix,
    links: [
      [
        { node: "far", device: "clients" },
        {
          ...{ node: "director", device: "outside", mac: OUTSIDE_MAC },
          addresses: [`${DIRECTOR4.outside}/24`, `${DIRECTOR6.outside}/64`],
        },
      ],
      [
        { node: "far", device: "servers", mtu },
        {
          ...{ node: "director", device: "inside", mac: INSIDE_MAC, mtu },
          addresses: [`${DIRECTOR4.inside}/24`, `${DIRECTOR6.inside}/64`],
        },
      ],
    ],
    neighbours,
    // Not on the interface: then there is one address that the kernel's own ICMPv6 errors can come from.
    loopback: [
      {
        node: "director",
        addresses: [...VIPS4.map((vip) => `${vip}/32`), ...VIPS6.map((vip) => `${vip}/128`)],
      },
    ],
    routes: [
      { node: "director", to: `${client4(0)}/16`, via: ROUTER4 },
      { node: "director", to: "fd00:9::/32", via: ROUTER6 },
    ],
    sysctls: [
      { node: "far", name: "net.ipv6.conf.all.disable_ipv6", value: "1" },
      { node: "director", name: "net.ipv4.ip_forward", value: "1" },
      { node: "director", name: "net.ipv4.icmp_ratelimit", value: "0" },
      { node: "director", name: "net.ipv6.icmp.ratelimit", value: "0" },
      ...RELAXED.map(([name, value]) => ({ node: "director", name, value })),
    ],
  };
}

/** One director's network: packets go in, frames come out. */
export interface World {
  /** An IP packet arrives at the director, from the router or, with a link-layer address of `from`, from a server. */
  send(side: Side, ip: Uint8Array, from?: string): void;
  /** What the director sent since, without waiting; its own housekeeping left out. */
  receive(): SentFrame[];
  /** Whether a packet since the last time left what this world knows, so that nothing can be said of what came of it. */
  lostSight(): boolean;
  close(): void;
}

/** In network namespaces of this machine. */
export class KernelWorld implements World {
  readonly prefix: string;
  readonly director: string;
  readonly #sockets: Readonly<Record<Side, PacketSocket>>;

  /** `mtu`: of the servers' side, bytes. */
  constructor(prefix: string, mtu = 1500) {
    this.prefix = prefix;
    const plan = planOf(prefix, mtu);
    buildNetwork(plan);
    this.director = namespaceOf(plan, "director");
    const far = namespaceOf(plan, "far");
    this.#sockets = {
      outside: openPacketSocket("clients", far),
      inside: openPacketSocket("servers", far),
    };
  }

  send(side: Side, ip: Uint8Array, from?: string): void {
    this.#sockets[side].send(frameTo(side, ip, from));
  }

  lostSight(): boolean {
    return false;
  }

  receive(): SentFrame[] {
    const frames: SentFrame[] = [];
    for (const side of ["outside", "inside"] as const) {
      const socket = this.#sockets[side];
      for (let frame = socket.receive(0); frame !== undefined; frame = socket.receive(0)) {
        if (!frame.outgoing && isTraffic(frame.bytes)) frames.push({ side, bytes: whole(frame) });
      }
    }
    return frames;
  }

  close(): void {
    this.#sockets.outside.close();
    this.#sockets.inside.close();
    removeNetwork(this.prefix);
  }
}

const LISTENER_REPORT_2 = 143;

/** The frame that carries a packet to the director. */
export function frameTo(side: Side, ip: Uint8Array, from = ROUTER_MAC): Uint8Array {
  const type = ip[0]! >> 4 === 4 ? ETHERTYPE.IPV4 : ETHERTYPE.IPV6;
  const destination = mac(side === "outside" ? OUTSIDE_MAC : INSIDE_MAC);
  return emitEthernet({ source: mac(from), destination, type, payload: ip });
}

/** A checksum that was left to the device filled in, as on a wire. */
function whole({ bytes, checksum: left }: ReceivedFrame): Uint8Array {
  if (left !== undefined) {
    const sum = checksum(bytes.subarray(left.start));
    new DataView(bytes.buffer, bytes.byteOffset).setUint16(
      left.start + left.offset,
      sum === 0 ? 0xffff : sum,
    );
  }
  return bytes;
}

/** Not ARP, neighbour discovery or multicast listener reports. */
function isTraffic(bytes: Uint8Array): boolean {
  const { type, payload } = parseEthernet(bytes);
  if (type === ETHERTYPE.IPV4) return payload[9] !== 2;
  if (type !== ETHERTYPE.IPV6) return false;
  const HOP_BY_HOP = 0;
  const ICMPV6 = 58;
  if (payload[6] === HOP_BY_HOP) return false;
  if (payload[6] !== ICMPV6) return true;
  const message = payload[40]!;
  return (message < 130 || message > 137) && message !== LISTENER_REPORT_2;
}
