/**
 * Kernel TypeScript that goes before a program which is measured by running it again and again on one packet
 * (BPF_PROG_TEST_RUN): it undoes what the last run did to the packet, makes it the next flow's, and hands it on.
 */
import {
  arrayMap,
  type Infer,
  option,
  type Packet,
  programArray,
  struct,
  TC_NEXT,
  tailCall,
  u16,
  u16be,
  u32,
} from "../../src/bpf/index.ts";
import {
  ETHERTYPE_IPV4,
  ETHERTYPE_IPV6,
  Ipv4,
  Ipv6,
  LINK_HEADER,
  Link,
  Ports,
} from "../../src/kernel/headers.ts";
import { Address } from "../../src/kernel/tables.ts";

/** IP version of the packet. */
export const family = option("family", 4);

/** What the packet is to be. */
export const Plan = struct("Plan", {
  source: Address,
  destination: Address,
  sourcePort: u16be,
  destinationPort: u16be,
  /** Slot of `targets` to hand the packet to; an empty one measures this program alone. */
  target: u32,
  /** Number of the next flow, counted up by each run under `fresh`. */
  flow: u32,
  /** 1: each run a flow of its own, by its source port and, every 32768, its source address. */
  fresh: u16,
  /** 1: each flow has a source address of its own, and all have the same port. */
  ownAddress: u16,
});
export type Plan = Infer<typeof Plan>;
export const plans = arrayMap("bench_plan", { value: Plan, entries: 1, mappable: true });

export const targets = programArray("bench_targets", { entries: 2 });
export const MEASURED = 0;
export const NOTHING = 1;

const PORT_BITS = 15;
const PORT_MASK = 0x7fff;
const LIFETIME = 64;

export function rewind(packet: Packet): u32 {
  const plan = plans.lookup(0);
  if (plan === null) return TC_NEXT;
  const link = packet.header(Link, 0);
  if (link === null) return TC_NEXT;
  let flow = 0;
  if (plan.fresh !== 0) {
    flow = plan.flow;
    plan.flow = (flow + 1) >>> 0;
  }
  const address = plan.ownAddress !== 0 ? flow : flow >>> PORT_BITS;
  const port = plan.sourcePort + (plan.ownAddress !== 0 ? 0 : flow & PORT_MASK);
  let transport = LINK_HEADER + 20;
  if (family.value === 6) {
    const ip = packet.header(Ipv6, LINK_HEADER);
    if (ip === null) return TC_NEXT;
    link.type = ETHERTYPE_IPV6;
    ip.hopLimit = LIFETIME;
    for (let i = 0; i < 4; i++) {
      ip.source.words[i] = plan.source.words[i]!;
      ip.destination.words[i] = plan.destination.words[i]!;
    }
    ip.source.words[3] = (plan.source.words[3]! + address) >>> 0;
    transport = LINK_HEADER + 40;
  } else {
    const ip = packet.header(Ipv4, LINK_HEADER);
    if (ip === null) return TC_NEXT;
    link.type = ETHERTYPE_IPV4;
    ip.lifetime = LIFETIME;
    ip.source = (plan.source.words[0]! + address) >>> 0;
    ip.destination = plan.destination.words[0]!;
  }
  const ports = packet.header(Ports, transport);
  if (ports === null) return TC_NEXT;
  ports.source = port & 0xffff;
  ports.destination = plan.destinationPort;
  tailCall(packet, targets, plan.target);
  return TC_NEXT;
}
