/** How a run of the datapath ends: what leaves, and where to. */
import { FIB_SUCCESS, REDIRECT_INGRESS, TC_REDIRECT, TC_SHOT } from "../../bpf/index.ts";
import {
  ICMP_FRAGMENTATION_NEEDED,
  ICMP_HOST_UNREACHABLE,
  ICMP_PORT_UNREACHABLE,
  ICMP_TIME_EXCEEDED,
  ICMP_UNREACHABLE,
  ICMP6_ADDRESS_UNREACHABLE,
  ICMP6_PORT_UNREACHABLE,
  ICMP6_TIME_EXCEEDED,
  ICMP6_TOO_BIG,
  ICMP6_UNREACHABLE,
} from "../../kernel/headers.ts";
import { findSysctl, type Link, lookUpRoute, RTN, SystemError, withRouteSocket } from "../../linux/index.ts";
import {
  ETHERNET_LENGTH,
  formatIp,
  formatMac,
  type IpPacket,
  MalformedPacketError,
  PROTOCOL,
  parseIpPacket,
} from "../../net/index.ts";
import type { Endpoint, ForwardingMethod } from "../model.ts";
import type { ExplainedServer, Step, Verdict } from "./model.ts";
import type { Inquiry, SimulatedRun } from "./simulation.ts";

const LOOPBACK = 1;

/** What an outcome is told from. */
export interface OutcomeOptions {
  /** The frame as it came in. */
  readonly frame: Uint8Array;
  readonly run: SimulatedRun;
  readonly links: readonly Link[];
  /** The interface that it came in by. */
  readonly link: Link;
  /** Whose packet it is, and what is kept of the way that it goes; null: no server's. */
  readonly server: ExplainedServer | null;
  readonly method: ForwardingMethod | null;
  readonly keptMtu: number;
}

export interface Outcome {
  readonly steps: readonly Step[];
  readonly verdict: Verdict;
  /** Whether there is a frame afterwards: one that leaves, or a changed one that goes up the stack. */
  readonly goesOn: boolean;
}

export function outcomeOf(options: OutcomeOptions): Outcome {
  const { run, frame } = options;
  const bytes = run.packet.bytes.slice();
  const changed = Buffer.compare(bytes, frame) !== 0;
  const verdict = verdictOf(options, changed);
  const isForwarded = verdict.kind === "sent" || (verdict.kind === "kernel" && changed);
  const steps = isForwarded ? [rewriteOf(options, bytes)].flatMap((step) => step ?? []) : [];
  if (verdict.kind === "sent") steps.push(nextHopOf(options, bytes));
  const goesOn = verdict.kind === "sent" || verdict.kind === "answered" || isForwarded;
  return { steps, verdict, goesOn };
}

function verdictOf(options: OutcomeOptions, changed: boolean): Verdict {
  const { run, links, link } = options;
  const said = (what: string) => run.facts.findLast((fact) => fact.what === what)?.values;
  if (run.verdict === TC_SHOT) return { kind: "dropped", why: whyDropped(options) };
  const { redirected } = run.packet;
  if (run.verdict === TC_REDIRECT && redirected !== undefined) {
    const answer = said("answer");
    if (answer !== undefined) return answered(answer, options);
    if ((redirected.flags & REDIRECT_INGRESS) === 0) {
      const name = nameOf(links, redirected.ifindex);
      return { kind: "sent", interface: name, packets: run.packet.clones.length + 1 };
    }
    const why =
      redirected.ifindex === LOOPBACK
        ? "the host is to fragment it, or to take it for itself"
        : "it comes by once more";
    const by = nameOf(links, redirected.ifindex);
    return { kind: "kernel", changed, fate: fateOf(run.packet.bytes, by), why };
  }
  const isMine = changed || said("connection") !== undefined || said("by-itself") !== undefined;
  const why = isMine
    ? changed
      ? "it is translated; the host fragments it, delivers it or knows the way"
      : said("orphaned") !== undefined
        ? "its server is gone, and the host answers in its place (expire_nodest_conn)"
        : "the server is this host, or the kernel is to answer as a router does"
    : `it is none of the director's${link.loopback ? "" : ": the host treats it like any other"}`;
  return { kind: "kernel", changed, fate: fateOf(run.packet.bytes, link.name), why };
}

function whyDropped({ run: { facts }, server }: OutcomeOptions): string {
  const has = (what: string) => facts.some((fact) => fact.what === what);
  if (has("rules-dropped")) return "rules drop it";
  if (has("defended")) return "drop_packet drops one in so many packets that would open connections";
  if (facts.at(-1)?.what === "orphaned")
    return "the connection's server has been removed (expire_nodest_conn is 0)";
  if (has("no-way")) return "the kernel knows no way to the server";
  if (has("no-source"))
    return "this host has no address of its own towards the server, to send a tunnel from";
  if (has("no-local-endpoint")) return "FullNAT has no local address with a free port for the server";
  if (has("unanswered"))
    return "it would be answered with an ICMP error, but too many of those were sent just now";
  if (has("answer")) return "it cannot go on, and is not a packet that is answered with ICMP errors";
  if (has("by-itself") && server?.method === "fullnat")
    return "FullNAT needs a connection to translate the answers by, and there is none: the connection table is, or was, full";
  if (has("overhead"))
    return "the way's MTU leaves no room for the tunnel's headers, or its headers cannot be read";
  return "it cannot be translated or sent, or is kept until the first fragment of its datagram comes";
}

function answered([what = 0, mtu = 0]: readonly number[], { run, frame, link }: OutcomeOptions): Verdict {
  const errors = frame[12] === 0x86 ? ERRORS6 : ERRORS4;
  const found = errors.find(
    ([type, code]) => type === what >>> 8 && (code === null || code === (what & 0xff)),
  );
  const error = found?.[2] ?? "error";
  const has = (fact: string) => run.facts.some((each) => each.what === fact);
  const why = has("no-source")
    ? "this host has no address of its own towards the server"
    : error === "host unreachable"
      ? "the kernel knows no way to the server"
      : null;
  return { kind: "answered", error, why, mtu: error === "too large" ? mtu : null, interface: link.name };
}

type AnsweredError = Extract<Verdict, { kind: "answered" }>["error"];

/** Types and codes (null: any) of ICMP errors. */
const ERRORS4: readonly (readonly [type: number, code: number | null, error: AnsweredError])[] = [
  [ICMP_UNREACHABLE, ICMP_PORT_UNREACHABLE, "port unreachable"],
  [ICMP_UNREACHABLE, ICMP_HOST_UNREACHABLE, "host unreachable"],
  [ICMP_UNREACHABLE, ICMP_FRAGMENTATION_NEEDED, "too large"],
  [ICMP_TIME_EXCEEDED, null, "time exceeded"],
];
const ERRORS6: typeof ERRORS4 = [
  [ICMP6_UNREACHABLE, ICMP6_PORT_UNREACHABLE, "port unreachable"],
  [ICMP6_UNREACHABLE, ICMP6_ADDRESS_UNREACHABLE, "host unreachable"],
  [ICMP6_TOO_BIG, null, "too large"],
  [ICMP6_TIME_EXCEEDED, null, "time exceeded"],
];

/** What the host's routes say of the destination of a frame that its stack gets by an interface, and whether it forwards. */
export function fateOf(frame: Uint8Array, link: string): Extract<Verdict, { kind: "kernel" }>["fate"] {
  const packet = parsed(frame);
  if (packet === null) return "unreachable";
  try {
    const { type } = withRouteSocket((socket) => lookUpRoute(socket, packet.destination));
    if (type === RTN.LOCAL) return "delivered here";
    if (type !== RTN.UNICAST) return "unreachable";
    return forwards(packet.version, link) ? "forwarded" : "not forwarded";
  } catch (error) {
    if (error instanceof SystemError) return "unreachable";
    throw error;
  }
}

/** IPv4 is forwarded by what the interface says that a packet comes in by; IPv6 by what is said of all, or forced for that one. */
function forwards(version: 4 | 6, link: string): boolean {
  const names =
    version === 4
      ? [`net/ipv4/conf/${link}/forwarding`]
      : ["net/ipv6/conf/all/forwarding", `net/ipv6/conf/${link}/force_forwarding`];
  return names.some((name) => Number(findSysctl(name) ?? 0) !== 0);
}

/** Tunnels by the protocol that their packets are of. The server may be of another method today than its connections are. */
const TUNNELS: ReadonlyMap<number, "ipip" | "gue" | "gre"> = new Map([
  [PROTOCOL.IPIP, "ipip"],
  [PROTOCOL.IPV6, "ipip"],
  [PROTOCOL.UDP, "gue"],
  [PROTOCOL.GRE, "gre"],
]);

function rewriteOf({ frame, method }: OutcomeOptions, bytes: Uint8Array): Step | null {
  const [before, after] = [parsed(frame), parsed(bytes)];
  if (before === null || after === null) return null;
  const ends = endsOf(before);
  const to = endsOf(after);
  const isEncapsulated = method === "tunnel" && to.destination.address !== ends.destination.address;
  const type = isEncapsulated ? TUNNELS.get(after.protocol) : undefined;
  if (type === undefined) return { step: "rewrite", method, before: ends, after: to, outer: null };
  const outer = { type, ...to, length: bytes.length - ETHERNET_LENGTH };
  return { step: "rewrite", method, before: ends, after: ends, outer };
}

function nextHopOf({ run, links, keptMtu }: OutcomeOptions, bytes: Uint8Array): Step {
  const redirected = run.packet.redirected!;
  const inquiry = run.inquiries.at(-1);
  const link = links.find(({ index }) => index === redirected.ifindex);
  const isKnown = redirected.kind === "redirect" || inquiry?.answer === FIB_SUCCESS;
  const mac =
    redirected.kind === "redirect"
      ? bytes.subarray(0, 6)
      : inquiry?.answer === FIB_SUCCESS
        ? Uint8Array.from(inquiry.reply.destinationMac)
        : null;
  const longest = Math.max(bytes.length, ...run.packet.clones.map(({ packet }) => packet.length));
  return {
    step: "next-hop",
    interface: link?.name ?? `interface ${redirected.ifindex}`,
    known: inquiry === undefined ? "cached" : isKnown ? "asked" : "to-be-resolved",
    mac: mac === null ? null : formatMac(mac),
    neighbour: inquiry === undefined ? null : neighbourOf(inquiry),
    mtu: keptMtu !== 0 ? keptMtu : (link?.mtu ?? null),
    length: longest - ETHERNET_LENGTH,
  };
}

/** The address of the next hop in an answer of the kernel's. */
function neighbourOf({ reply }: Inquiry): string {
  const AF_INET6 = 10;
  const bytes = new DataView(new ArrayBuffer(reply.family === AF_INET6 ? 16 : 4));
  for (let at = 0; at < bytes.byteLength; at += 4) bytes.setUint32(at, reply.destination[at / 4]!);
  return formatIp(new Uint8Array(bytes.buffer));
}

/** The IP packet in a frame, or null if it is none. */
export function parsed(frame: Uint8Array): IpPacket | null {
  try {
    return parseIpPacket(frame.subarray(ETHERNET_LENGTH));
  } catch (error) {
    if (error instanceof MalformedPacketError) return null;
    throw error;
  }
}

const SCTP = 132;

/** The ends of a packet, with ports where it has some. */
export function endsOf(packet: IpPacket): { readonly source: Endpoint; readonly destination: Endpoint } {
  const { transport, payload, protocol, version } = packet;
  let [from, to] = [0, 0];
  if (transport.kind === "tcp" || transport.kind === "udp") {
    [from, to] = [transport.sourcePort, transport.destinationPort];
  } else if (protocol === SCTP && payload.length >= 4) {
    const view = new DataView(payload.buffer, payload.byteOffset);
    [from, to] = [view.getUint16(0), view.getUint16(2)];
  }
  return {
    source: { family: version, address: formatIp(packet.source), port: from },
    destination: { family: version, address: formatIp(packet.destination), port: to },
  };
}

function nameOf(links: readonly Link[], index: number): string {
  return links.find((link) => link.index === index)?.name ?? `interface ${index}`;
}
