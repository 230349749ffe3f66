/** Our director in the simulator, in the same network: without a kernel behind it, so what goes up the stack is lost sight of. */
import {
  createMachine,
  FIB_FRAGMENTATION_NEEDED,
  FIB_NOT_FORWARDED,
  FIB_SUCCESS,
  type FibLookup,
  type Machine,
  SimulatedPacket,
  TC_NEXT,
} from "../../src/bpf/index.ts";
import { wireBytes } from "../../src/bpf/simulator/index.ts";
import { simulatedAdministration } from "../../src/ipvs/index.ts";
import { arm } from "../../src/kernel/arm.ts";
import { ingress } from "../../src/kernel/ingress.ts";
import { installPrograms } from "../../src/kernel/programs.ts";
import { type IpAddress, ip, mac, parseEthernet, prefix, prefixContains } from "../../src/net/index.ts";
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
import { type Director, ourIpvsadm } from "./director.ts";
import { frameTo, type SentFrame, type Side, type World } from "./world.ts";

const INTERFACE: Readonly<Record<Side, number>> = { outside: 2, inside: 3 };
const AF_INET6 = 10;
const SHORTEST_FRAME = 14;
const CLIENTS = [
  prefix(`${client4(0)}/16`),
  prefix("fd00:9::/32"),
  prefix("172.16.0.1/32"),
  prefix("fd00:1::1/128"),
];
const RIPS = new Map(
  SERVERS.flatMap((server) => [rip4(server), rip6(server)].map((rip) => [key(ip(rip)), server])),
);

function key(address: IpAddress): string {
  return Buffer.from(address).toString("hex");
}

/** The next hop towards an address; undefined for what is not forwarded. */
function hop(address: IpAddress): { side: Side; mac: string } | undefined {
  const server = RIPS.get(key(address));
  if (server !== undefined) return { side: "inside", mac: serverMac(server) };
  if (CLIENTS.some((network) => prefixContains(network, address)))
    return { side: "outside", mac: ROUTER_MAC };
  return undefined;
}

export class SimulatedWorld implements World {
  readonly machine: Machine;
  readonly #mtus: Readonly<Record<Side, number>>;
  readonly #began = performance.now();
  readonly #frames: SentFrame[] = [];
  #lost = false;

  constructor(connections: number, mtu = 1500) {
    this.#mtus = { outside: 1500, inside: mtu };
    const table = { connections, due: connections, flows: connections, wide: connections };
    this.machine = createMachine({
      time: 5_000_000_000n,
      entries: table,
      fib: (request) => this.#route(request),
    });
    installPrograms(this.machine);
  }

  /** Starts the clock, once the tables are set up. */
  start(): void {
    const started = this.machine.run(() => arm(new SimulatedPacket(new Uint8Array(SHORTEST_FRAME))));
    if (started !== 0) throw new Error(`the clock did not start: ${started}`);
  }

  /** Lets the time pass that has passed. */
  catchUp(): void {
    const now = 5_000_000_000n + BigInt(Math.round((performance.now() - this.#began) * 1e6));
    const behind = now - this.machine.clock.now;
    if (behind > 0n) this.machine.clock.advance(behind);
  }

  send(side: Side, bytes: Uint8Array, from?: string): void {
    this.catchUp();
    const packet = new SimulatedPacket(frameTo(side, bytes, from), { ifindex: INTERFACE[side] });
    const verdict = this.machine.execute(ingress, packet);
    for (const { ifindex, packet: clone } of packet.clones) this.#sent(ifindex, clone, false);
    if (packet.redirected !== undefined) {
      this.#sent(packet.redirected.ifindex, packet, packet.redirected.kind === "redirectNeighbour");
    } else if (verdict === TC_NEXT) this.#lost = true;
  }

  receive(): SentFrame[] {
    return this.#frames.splice(0);
  }

  lostSight(): boolean {
    const lost = this.#lost;
    this.#lost = false;
    return lost;
  }

  close(): void {}

  /** `resolve`: the kernel fills in the link-layer addresses. */
  #sent(ifindex: number, packet: SimulatedPacket, resolve: boolean): void {
    const side = ifindex === INTERFACE.outside ? "outside" : "inside";
    const bytes = wireBytes(packet);
    if (resolve) {
      const { payload } = parseEthernet(bytes);
      const destination = payload[0]! >> 4 === 4 ? payload.subarray(16, 20) : payload.subarray(24, 40);
      bytes.set(mac(hop(destination)!.mac), 0);
      bytes.set(mac(side === "outside" ? OUTSIDE_MAC : INSIDE_MAC), 6);
    }
    this.#frames.push({ side, bytes });
  }

  #route(request: FibLookup): number {
    const words = Array.from(request.destination).slice(0, request.family === AF_INET6 ? 4 : 1);
    const address = new Uint8Array(4 * words.length);
    for (const [i, word] of words.entries()) new DataView(address.buffer).setUint32(4 * i, word);
    const next = hop(address);
    if (next === undefined) return FIB_NOT_FORWARDED;
    request.ifindex = INTERFACE[next.side];
    const mtu = this.#mtus[next.side];
    const tooLong = request.totalLength > mtu;
    request.totalLength = mtu;
    if (tooLong) return FIB_FRAGMENTATION_NEEDED;
    const source = mac(next.side === "outside" ? OUTSIDE_MAC : INSIDE_MAC);
    const destination = mac(next.mac);
    for (let i = 0; i < 6; i++) {
      request.sourceMac[i] = source[i]!;
      request.destinationMac[i] = destination[i]!;
    }
    return FIB_SUCCESS;
  }
}

/** Our director on that machine. */
export function simulatedDirector(world: SimulatedWorld): Director {
  const addresses = [...Object.values(DIRECTOR4), ...Object.values(DIRECTOR6), ...VIPS4, ...VIPS6];
  const administration = simulatedAdministration(world.machine, { addresses });
  world.start();
  return {
    name: "simulator",
    ipvsadm(words, input) {
      world.catchUp();
      return ourIpvsadm(() => administration, words, input);
    },
    sysctl: (name, value) => administration.setSysctl(name, String(value)),
    mark() {
      throw new Error("not there yet: marks");
    },
    close: () => {},
  };
}
