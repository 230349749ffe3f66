/**
 * netfilter as a judge: rules in a namespace of their own by the system's iptables-restore, packets on real wires, and a rule behind them
 * that notes who comes by, and with which mark.
 */
import { spawnSync } from "node:child_process";
import type { Family, RuleSet } from "../../src/ipvs/index.ts";
import { printRuleSet } from "../../src/ipvs/rules/text/save.ts";
import {
  createNetworkNamespace,
  createVeth,
  deleteNetworkNamespace,
  inNetworkNamespace,
  openPacketSocket,
  type PacketSocket,
  withRouteSocket,
  writeSysctl,
} from "../../src/linux/index.ts";
import { MARK_BY_LIFETIME, type RandomPacket } from "./random-packets.ts";
import { INTERFACES } from "./random-rules.ts";

/** What became of a packet: its mark, or null: it was dropped. */
export type Fate = number | null;

/** The link-layer address of all interfaces that packets come in by. */
export const HOST_MAC = Uint8Array.of(2, 0, 0, 0, 1, 1);
const EVERYBODY = new Uint8Array(6).fill(0xff);

/** The distributions' commands, whatever else is called so. */
const RESTORE: Readonly<Record<Family, string>> = {
  4: "/usr/sbin/iptables-restore",
  6: "/usr/sbin/ip6tables-restore",
};
const NFT = "/usr/sbin/nft";
const NFT_FAMILY: Readonly<Record<Family, string>> = { 4: "ip", 6: "ip6" };
/** How often to look whether all packets have come by, and for how long in between, ms. */
const LOOKS = 200;
const PAUSE = 5;

/** After so many packets, what was noted is forgotten. */
const NOTED = 2000;

/** A frame of a packet: its source says which one it is. */
export function frameOf({ bytes, isBroadcast }: RandomPacket, family: Family, number: number): Uint8Array {
  const frame = new Uint8Array(14 + bytes.length);
  frame.set(isBroadcast ? EVERYBODY : HOST_MAC);
  frame[6] = 2;
  new DataView(frame.buffer).setUint32(8, number);
  frame.set(family === 4 ? [0x08, 0x00] : [0x86, 0xdd], 12);
  frame.set(bytes, 14);
  return frame;
}

/** What the command is missing for; null if it can judge. */
export function missingJudge(): string | null {
  for (const command of [...Object.values(RESTORE), NFT]) {
    const { error } = spawnSync(command, ["--version"]);
    if (error !== undefined) return `${command} is missing (packages iptables and nftables)`;
  }
  return null;
}

export class Judge {
  readonly #inside: string;
  readonly #outside: string;
  readonly #wires = new Map<string, PacketSocket>();
  readonly #sent: Record<Family, number> = { 4: 0, 6: 0 };

  /** Needs root. */
  constructor(prefix: string) {
    this.#inside = `${prefix}-judge`;
    this.#outside = `${prefix}-out`;
    for (const name of [this.#inside, this.#outside]) createNetworkNamespace(name);
    inNetworkNamespace(this.#outside, () => {
      for (const what of ["all", "default"]) writeSysctl(`net.ipv6.conf.${what}.disable_ipv6`, 1);
    });
    withRouteSocket((socket) => {
      for (const name of INTERFACES)
        createVeth(
          socket,
          { name, mac: HOST_MAC, namespace: this.#inside, up: true },
          { name: `to-${name}`, namespace: this.#outside, up: true },
        );
    });
    for (const name of INTERFACES) this.#wires.set(name, openPacketSocket(`to-${name}`, this.#outside));
    for (const family of [4, 6] as const) this.#nft(probe(family));
  }

  /** What becomes of packets under these rules. */
  judge(set: RuleSet, packets: readonly RandomPacket[]): Fate[] {
    const { family } = set;
    const { status, stderr } = inNetworkNamespace(this.#inside, () =>
      spawnSync(RESTORE[family], [], { input: printRuleSet(set), encoding: "utf8" }),
    );
    if (status !== 0) throw new Error(`${RESTORE[family]}: ${stderr}\n${printRuleSet(set)}`);
    const first = this.#sent[family];
    for (const [index, packet] of packets.entries())
      this.#wires.get(packet.interface)!.send(frameOf(packet, family, first + index));
    this.#sent[family] += packets.length;
    return this.#fates(family, first);
  }

  close(): void {
    for (const wire of this.#wires.values()) wire.close();
    for (const name of [this.#inside, this.#outside]) deleteNetworkNamespace(name);
  }

  /** Of the packets sent last, from number `first` on. */
  #fates(family: Family, first: number): Fate[] {
    const table = `${NFT_FAMILY[family]} probe`;
    for (let look = 0; look < LOOKS; look++) {
      const { nftables } = JSON.parse(this.#nft(`list table ${table}`)) as Listing;
      const total = nftables.reduce((sum, { counter }) => sum + (counter?.packets ?? 0), 0);
      if (total < this.#sent[family]) {
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE);
        continue;
      }
      const marks = new Map(
        nftables
          .flatMap(({ set }) => set?.elem ?? [])
          .map(({ concat: [source, mark] }) => [
            Number.parseInt(source.replaceAll(":", "").slice(4), 16),
            mark,
          ]),
      );
      if (marks.size > NOTED) this.#nft(`flush set ${table} seen`);
      return Array.from(
        { length: this.#sent[family] - first },
        (_, index) => marks.get(first + index) ?? null,
      );
    }
    throw new Error("netfilter has not seen all packets");
  }

  #nft(input: string): string {
    const { status, stdout, stderr } = inNetworkNamespace(this.#inside, () =>
      spawnSync(NFT, ["-j", input], { encoding: "utf8" }),
    );
    if (status !== 0) throw new Error(`nft: ${stderr}`);
    return stdout;
  }
}

interface Listing {
  readonly nftables: readonly {
    readonly counter?: { readonly packets: number };
    readonly set?: { readonly elem?: readonly { readonly concat: readonly [string, number] }[] };
  }[];
}

/** Before the rules: packets get a mark and are counted; behind them: who comes by is noted, and goes no further. */
function probe(family: Family): string {
  const lifetime = family === 4 ? "ip ttl" : "ip6 hoplimit";
  const marks = Object.entries(MARK_BY_LIFETIME).map(([key, mark]) => `${key} : ${mark}`);
  return `
table ${NFT_FAMILY[family]} probe {
  counter total { }
  set seen { typeof ether saddr . meta mark; flags dynamic; size 65535; }
  chain before {
    type filter hook prerouting priority -500;
    counter name total
    meta mark set ${lifetime} map { ${marks.join(", ")} }
  }
  chain behind {
    type filter hook prerouting priority -100;
    add @seen { ether saddr . meta mark }
    drop
  }
}
`;
}
