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
import { chooseAddresses } from "../../src/ipvs/director/interface-addresses.ts";
import { simulatedAdministration } from "../../src/ipvs/index.ts";
import { arm } from "../../src/kernel/arm.ts";
import { ingress } from "../../src/kernel/ingress.ts";
import { installPrograms } from "../../src/kernel/install.ts";
import { hostAddresses, interfaceAddresses } from "../../src/kernel/tables.ts";
import { RT_SCOPE } from "../../src/linux/index.ts";
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
import { type MarkRule, markOf } from "./mark.ts";
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

function addressOf(words: readonly number[], family: number): IpAddress {
  const view = new DataView(new ArrayBuffer(family === AF_INET6 ? 16 : 4));
  for (let i = 0; i < view.byteLength / 4; i++) view.setUint32(4 * i, words[i]!);
  return new Uint8Array(view.buffer);
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
  /** What comes in from outside gets these marks. */
  readonly marks: MarkRule[] = [];
  #lost = false;

  constructor(connections: number, mtu = 1500) {
    this.#mtus = { outside: 1500, inside: mtu };
    const table = {
      connections,
      due: connections,
      flows: connections,
      wide: connections,
      call_ids: connections,
    };
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
    this.#tellAddresses();
    if (started !== 0) throw new Error(`the clock did not start: ${started}`);
  }

  /** What the administration finds out about the kernel's interfaces. */
  #tellAddresses(): void {
    const listed = (["outside", "inside"] as const).flatMap((side) =>
      [`${DIRECTOR4[side]}/24`, `${DIRECTOR6[side]}/64`].map((text) => ({
        ...{ index: INTERFACE[side], prefix: prefix(text), scope: RT_SCOPE.UNIVERSE, flags: 0 },
        ...{ peer: undefined, broadcast: undefined, label: undefined },
      })),
    );
    for (const [index, value] of chooseAddresses(listed)) {
      this.machine.map(interfaceAddresses).update(new Uint8Array(Uint32Array.of(index).buffer), value);
    }
    const own = Uint8Array.of(1, 0, 0, 0);
    for (const address of [...VIPS6, ...Object.values(DIRECTOR6)])
      this.machine.map(hostAddresses).update(ip(address), own);
  }

  /** Lets the time pass that has passed. */
  catchUp(): void {
    const now = 5_000_000_000n + BigInt(Math.round((performance.now() - this.#began) * 1e6));
    const behind = now - this.machine.clock.now;
    if (behind > 0n) this.machine.clock.advance(behind);
  }

  send(side: Side, bytes: Uint8Array, from?: string): void {
    this.catchUp();
    const packet = new SimulatedPacket(frameTo(side, bytes, from), {
      ifindex: INTERFACE[side],
      mark: side === "outside" ? markOf(this.marks, bytes) : 0,
    });
    const verdict = this.machine.execute(ingress, packet);
    for (const { ifindex, packet: clone } of packet.clones) this.#sent(ifindex, clone);
    if (packet.redirected !== undefined) this.#sent(packet.redirected.ifindex, packet);
    else if (verdict === TC_NEXT) this.#lost = true;
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

  #sent(ifindex: number, packet: SimulatedPacket): void {
    const side = ifindex === INTERFACE.outside ? "outside" : "inside";
    const bytes = wireBytes(packet);
    const { redirected } = packet;
    if (redirected?.kind === "redirectNeighbour") {
      const { payload } = parseEthernet(bytes);
      const destination = payload[0]! >> 4 === 4 ? payload.subarray(16, 20) : payload.subarray(24, 40);
      const { next } = redirected;
      const address = next === undefined ? destination : addressOf(next.address, next.family);
      // The kernel fills in the link-layer addresses.
      bytes.set(mac(hop(address)!.mac), 0);
      bytes.set(mac(side === "outside" ? OUTSIDE_MAC : INSIDE_MAC), 6);
    }
    this.#frames.push({ side, bytes });
  }

  #route(request: FibLookup): number {
    const address = addressOf(Array.from(request.destination), request.family);
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
  // Towards servers the director has the address of that side.
  const own = [DIRECTOR4, DIRECTOR6].flatMap(({ inside, outside }) => [inside, outside]);
  const addresses = [...own, ...VIPS4, ...VIPS6];
  const administration = simulatedAdministration(world.machine, { addresses });
  world.start();
  return {
    name: "simulator",
    ipvsadm(words, input) {
      world.catchUp();
      return ourIpvsadm(() => administration, words, input);
    },
    sysctl: (name, value) => administration.setSysctl(name, String(value)),
    mark: (rule) => void world.marks.push(rule),
    close: () => {},
  };
}
