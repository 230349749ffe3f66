/**
 * The network of the recordings (recordings/packets, "topology") in two namespaces: the director's, and one with the far ends of its
 * wires. Routes and neighbours are what the routing of `TestDirector` knows, and interfaces go by the numbers it gives them.
 */
import {
  addAddress,
  addRoute,
  createNetworkNamespace,
  createVeth,
  deleteNetworkNamespace,
  inNetworkNamespace,
  linkIndex,
  openPacketSocket,
  type PacketSocket,
  RTN,
  setLink,
  setNeighbour,
  withRouteSocket,
  writeSysctl,
} from "../../linux/index.ts";
import { parseIp, parsePrefix } from "../../net/index.ts";
import {
  CLIENT_MAC,
  CLIENT_SIDE,
  CLIENT_SIDE_MAC,
  SERVER_MAC,
  SERVER_SIDE,
  SERVER_SIDE_MAC,
} from "./director.ts";

function mac(value: number): Uint8Array {
  return Uint8Array.from({ length: 6 }, (_, i) => Math.floor(value / 2 ** (40 - 8 * i)) & 255);
}

/** How long to wait for more frames than are expected, ms. */
const MOMENT = 5;

/** Server addresses with a neighbour entry: .1 to .SERVERS. */
const SERVERS = 30;

const VETHS = [
  { here: "d0", there: "c0", index: CLIENT_SIDE, macs: [CLIENT_SIDE_MAC, CLIENT_MAC] },
  { here: "d1", there: "r0", index: SERVER_SIDE, macs: [SERVER_SIDE_MAC, SERVER_MAC] },
] as const;

function isArp(bytes: Uint8Array): boolean {
  return bytes[12] === 0x08 && bytes[13] === 0x06;
}

export class TestNetwork {
  /** The director's namespace. */
  readonly name: string;
  readonly #outside: string;
  readonly #wires: PacketSocket[] = [];
  readonly #indexes = new Map<number, number>();

  /** Needs root. `mtu`: of the director's interface towards the servers. */
  constructor(name: string, { mtu = 1500 }: { readonly mtu?: number } = {}) {
    this.name = name;
    this.#outside = `${name}-out`;
    createNetworkNamespace(this.name);
    createNetworkNamespace(this.#outside);
    inNetworkNamespace(this.#outside, () => {
      for (const what of ["all", "default"]) writeSysctl(`net.ipv6.conf.${what}.disable_ipv6`, 1);
    });
    inNetworkNamespace(this.name, () => this.#build(mtu));
    for (const { there } of VETHS) this.#wires.push(openPacketSocket(there, this.#outside));
  }

  #build(mtu: number): void {
    for (const what of ["all", "default"]) {
      writeSysctl(`net.ipv6.conf.${what}.forwarding`, 1);
      writeSysctl(`net.ipv4.conf.${what}.rp_filter`, 0);
    }
    writeSysctl("net.ipv4.ip_forward", 1);
    withRouteSocket((route) => {
      setLink(route, "lo", { up: true });
      for (const { here, there, index, macs } of VETHS) {
        createVeth(
          route,
          { name: here, mac: mac(macs[0]), up: true },
          { name: there, mac: mac(macs[1]), namespace: this.#outside, up: true },
        );
        this.#indexes.set(index, linkIndex(route, here));
      }
      addAddress(route, "d0", parsePrefix("169.254.1.2/30")!);
      addAddress(route, "d0", parsePrefix("2001:db8:c::2/64")!);
      addAddress(route, "d1", parsePrefix("10.0.0.254/24")!);
      addAddress(route, "d1", parsePrefix("2001:db8:a::fe/64")!);
      for (const gateway of ["169.254.1.1", "2001:db8:c::1"]) {
        setNeighbour(route, "d0", parseIp(gateway)!, mac(CLIENT_MAC));
      }
      for (let i = 1; i <= SERVERS; i++) {
        setNeighbour(route, "d1", parseIp(`10.0.0.${i}`)!, mac(SERVER_MAC));
        setNeighbour(route, "d1", parseIp(`2001:db8:a::${i}`)!, mac(SERVER_MAC));
      }
      addRoute(route, { to: parsePrefix("198.18.0.0/15")!, via: parseIp("169.254.1.1")! });
      addRoute(route, { to: parsePrefix("2001:db8:1::/48")!, via: parseIp("2001:db8:c::1")! });
      addRoute(route, { to: parsePrefix("192.0.2.0/24")!, link: "lo", type: RTN.LOCAL });
      addRoute(route, { to: parsePrefix("2001:db8:f::/64")!, link: "lo", type: RTN.LOCAL });
      setLink(route, "d1", { mtu });
    });
  }

  /** The number that the kernel gave the interface CLIENT_SIDE or SERVER_SIDE. */
  indexOf(side: number): number {
    const index = this.#indexes.get(side);
    if (index === undefined) throw new RangeError(`there is no interface ${side}`);
    return index;
  }

  /** Puts a frame on the wire of an interface, towards the director. */
  send(ifindex: number, frame: Uint8Array): void {
    this.#wires[ifindex === CLIENT_SIDE ? 0 : 1]!.send(frame);
  }

  /**
   * The IP frames (but for multicast ones) that the director sent out of an interface: all that come within `timeout` milliseconds, and
   * when there are `enough`, no longer than a moment for others.
   */
  receive(ifindex: number, timeout = 100, enough = Number.POSITIVE_INFINITY): Uint8Array[] {
    const wire = this.#wires[ifindex === CLIENT_SIDE ? 0 : 1]!;
    const frames: Uint8Array[] = [];
    let deadline = performance.now() + timeout;
    for (;;) {
      const frame = wire.receive(Math.max(0, deadline - performance.now()));
      if (frame === undefined) return frames;
      const { outgoing, bytes } = frame;
      if (outgoing || (bytes[0]! & 1) !== 0 || isArp(bytes)) continue;
      frames.push(bytes);
      if (frames.length === enough) deadline = performance.now() + MOMENT;
    }
  }

  /** Changes the MTU of the interface CLIENT_SIDE or SERVER_SIDE. */
  setMtu(side: number, mtu: number): void {
    withRouteSocket((route) => setLink(route, this.indexOf(side), { mtu }), this.name);
  }

  close(): void {
    for (const wire of this.#wires) wire.close();
    deleteNetworkNamespace(this.name);
    deleteNetworkNamespace(this.#outside);
  }
}
